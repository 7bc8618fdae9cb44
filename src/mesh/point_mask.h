#pragma once
// A set of points of a cubic lattice, one bit each.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

class PointMask {
 public:
  explicit PointMask(int points)
      : points_(points),
        words_((points + 63) / 64),
        bits_(static_cast<std::size_t>(points) * static_cast<std::size_t>(points) *
              static_cast<std::size_t>(words_)) {}

  int points() const { return points_; }
  bool contains(const GridIndex& p) const {
    return ((row(p[0], p[1])[p[2] / 64] >> (p[2] % 64)) & 1) != 0;
  }
  void insert(const GridIndex& p) { row(p[0], p[1])[p[2] / 64] |= std::uint64_t{1} << (p[2] % 64); }
  /// Calls visit(point) for each point of the set with first index i, ascending.
  template <class Visit>
  void for_each_of_slab(int i, Visit&& visit) const {
    for (int j = 0; j < points_; ++j) {
      const std::uint64_t* words = row(i, j);
      for (int w = 0; w < words_; ++w) {
        for (std::uint64_t left = words[w]; left != 0; left &= left - 1) {
          visit(GridIndex{i, j, 64 * w + std::countr_zero(left)});
        }
      }
    }
  }
  /// Adds every point that has one of the set among its 26 neighbours.
  void dilate();

 private:
  std::uint64_t* row(int i, int j) { return bits_.data() + row_offset(i, j); }
  const std::uint64_t* row(int i, int j) const { return bits_.data() + row_offset(i, j); }
  std::size_t row_offset(int i, int j) const {
    return (static_cast<std::size_t>(i) * static_cast<std::size_t>(points_) +
            static_cast<std::size_t>(j)) *
           static_cast<std::size_t>(words_);
  }
  void dilate_along_rows();
  void dilate_slab(int i);

  int points_, words_;
  std::vector<std::uint64_t> bits_;  // [points][points][words], unused bits zero
};

}  // namespace sinter::mesh
