#pragma once
// Sparse storage of one float for each point of a cubic lattice: bricks of 8x8x8 points, allocated
// on demand and filled with NaN.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

class BrickTable {
 public:
  static constexpr int kSide = 8;
  static constexpr int kPoints = kSide * kSide * kSide;
  /// Point (8a + i, 8b + j, 8c + k) of brick (a, b, c) at (i * 8 + j) * 8 + k.
  using Brick = std::array<float, kPoints>;

  explicit BrickTable(int points);

  /// Points and bricks along each axis.
  int points() const { return points_; }
  int bricks() const { return bricks_; }
  std::int64_t brick_count() const { return static_cast<std::int64_t>(table_.size()); }
  /// Position of a brick from its number, 0 .. brick_count() - 1.
  GridIndex brick_position(std::int64_t number) const {
    const std::int64_t n = bricks_;
    return {static_cast<int>(number / (n * n)),
            static_cast<int>(number / n % n),
            static_cast<int>(number % n)};
  }

  /// NaN where nothing was stored. The index must lie in the lattice.
  float at(const GridIndex& index) const {
    const Brick* found = table_[number(brick_of(index))].get();
    return found == nullptr ? std::numeric_limits<float>::quiet_NaN() : (*found)[offset_of(index)];
  }
  /// Allocates the brick if it is absent.
  void set(const GridIndex& index, float value) { *slot(index) = value; }
  float* slot(const GridIndex& index);

  /// Null where the brick is absent, or the position lies outside.
  const Brick* brick(const GridIndex& position) const;
  /// Different bricks may be made by different threads at once.
  Brick& make_brick(const GridIndex& position);

  std::size_t bytes() const;

 private:
  static constexpr GridIndex brick_of(const GridIndex& index) {
    return {index[0] / kSide, index[1] / kSide, index[2] / kSide};
  }
  static constexpr std::size_t offset_of(const GridIndex& index) {
    return static_cast<std::size_t>(((index[0] % kSide) * kSide + index[1] % kSide) * kSide +
                                    index[2] % kSide);
  }
  std::size_t number(const GridIndex& position) const {
    return (static_cast<std::size_t>(position[0]) * static_cast<std::size_t>(bricks_) +
            static_cast<std::size_t>(position[1])) *
               static_cast<std::size_t>(bricks_) +
           static_cast<std::size_t>(position[2]);
  }

  int points_, bricks_;
  std::vector<std::unique_ptr<Brick>> table_;
};

}  // namespace sinter::mesh
