#pragma once
// One level of the hierarchical sampling: the grid points whose indices are multiples of a stride,
// and the last point of each axis, so that the lattice spans the whole grid. Its last cells may be
// narrower than the others.

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "mesh/brick_table.h"

namespace sinter::mesh {

class Lattice {
 public:
  /// `last`: index of the grid's last point, which is its number of cells.
  Lattice(int last, int stride)
      : values((last + stride - 1) / stride + 1),
        refined(static_cast<std::size_t>(values.brick_count())),
        last_(last),
        stride_(stride) {}

  int stride() const { return stride_; }
  /// Points and cells along an axis.
  int points() const { return values.points(); }
  int cells() const { return points() - 1; }

  /// Grid index of a lattice index, along one axis and for a point.
  int to_grid(int i) const { return std::min(i * stride_, last_); }
  GridIndex to_grid(const GridIndex& p) const {
    return {to_grid(p[0]), to_grid(p[1]), to_grid(p[2])};
  }
  /// Lattice index of a grid point; false where the point is not on the lattice.
  bool from_grid(const GridIndex& grid, GridIndex& point) const {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (grid[axis] == last_) {
        point[axis] = cells();
      } else if (grid[axis] % stride_ == 0) {
        point[axis] = grid[axis] / stride_;
      } else {
        return false;
      }
    }
    return true;
  }
  /// First and last cell along an axis that contain (in their closure) a grid index.
  std::array<int, 2> cells_at(int grid) const {
    const int high = std::min(grid / stride_, cells() - 1);
    const int low = grid % stride_ == 0 ? std::max(grid / stride_ - 1, 0) : high;
    return {std::min(low, high), high};
  }

  bool is_refined(const GridIndex& cell) const {
    const auto [word, bit] = refined_bit(cell);
    return ((refined[brick_number(cell)][word] >> bit) & 1) != 0;
  }
  void set_refined(const GridIndex& cell) {
    const auto [word, bit] = refined_bit(cell);
    refined[brick_number(cell)][word] |= std::uint64_t{1} << bit;
  }
  bool has_refined(std::int64_t brick) const {
    const auto& words = refined[static_cast<std::size_t>(brick)];
    return std::any_of(words.begin(), words.end(), [](std::uint64_t w) { return w != 0; });
  }

  BrickTable values;

 private:
  static std::array<unsigned, 2> refined_bit(const GridIndex& cell) {
    constexpr int kSide = BrickTable::kSide;
    return {static_cast<unsigned>(cell[0] % kSide),
            static_cast<unsigned>((cell[1] % kSide) * kSide + cell[2] % kSide)};
  }
  std::size_t brick_number(const GridIndex& cell) const {
    constexpr int kSide = BrickTable::kSide;
    return static_cast<std::size_t>(
        (cell[0] / kSide * values.bricks() + cell[1] / kSide) * values.bricks() + cell[2] / kSide);
  }

  // By brick: one bit for each cell that starts at a point of it.
  std::vector<std::array<std::uint64_t, BrickTable::kSide>> refined;
  int last_, stride_;
};

}  // namespace sinter::mesh
