#pragma once
// What the size of a field's slope says about the sign of points that were not evaluated.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "mesh/field.h"
#include "mesh/lattice.h"

namespace sinter::mesh {

struct SlopeOptions {
  float level = 0;
  float saturation = 1;
  int threads = 1;
  std::function<void()> poll = {};  ///< called now and then; may throw
};

/// Slopes by place, in blocks of 8x8x8 grid cells.
class SlopeMap {
 public:
  /// The same slope everywhere. `cells`: of the grid, along each axis.
  SlopeMap(int cells, float slope);

  float& of_block(const GridIndex& block) { return slope_[number(block)]; }
  /// At a grid point; points of the last layer belong to the block before it.
  float at(const GridIndex& point) const {
    return slope_[number({block_of(point[0]), block_of(point[1]), block_of(point[2])})];
  }
  int blocks() const { return blocks_; }
  int block_of(int index) const { return std::min(index / kBlock, blocks_ - 1); }

  /// Each block takes the largest slope among its 26 neighbours and itself.
  void spread();
  /// Slopes become `factor` times themselves, and at least `floor`.
  void scale(float factor, float floor);
  /// Slopes become at least those of `other`.
  void raise_to(const SlopeMap& other);
  /// Whether each slope is at most that of `other`.
  bool is_within(const SlopeMap& other) const;
  float largest() const { return *std::max_element(slope_.begin(), slope_.end()); }

  static constexpr int kBlock = BrickTable::kSide;

 private:
  std::size_t number(const GridIndex& block) const {
    return static_cast<std::size_t>((block[0] * blocks_ + block[1]) * blocks_ + block[2]);
  }
  int blocks_;
  std::vector<float> slope_;
};

struct MeasuredSlopes {
  SlopeMap local;     ///< largest difference quotient in each block, 0 where there is none
  float typical = 0;  ///< at the quantile asked for, over all samples
};

/// Largest difference quotient between each sample and its neighbours on the same lattice (26
/// directions, pairs of saturated values left out), by place and at a quantile over all of them.
MeasuredSlopes measure_slopes(const Grid& grid,
                              std::span<const Lattice> lattices,
                              double quantile,
                              const SlopeOptions& options);

/// A field with slopes of at most those of the map cannot change its sign within
/// |value - level| / slope of a sample.
class SignBound {
 public:
  /// Lattices of a stride up to `trusted_stride` are taken to be dense enough for saturated values:
  /// these stand for everything up to half the diagonal of a cell.
  /// The map must outlive the bound.
  SignBound(const Grid& grid,
            const SlopeMap& slopes,
            const SlopeOptions& options,
            int trusted_stride);

  /// Whether some grid point of the cell may have a sign that its eight corners do not show:
  /// corners on both sides, or a point that none of them reaches. `corner`: values minus level in
  /// the order of cube_table.h; `first`: the cell's lowest corner on the grid; `extent`: grid cells
  /// along each axis.
  bool may_be_crossed(const std::array<float, 8>& corner,
                      const GridIndex& first,
                      const GridIndex& extent,
                      int stride) const;

  /// Sign of a grid point as the samples of the lattice around it imply it: +1, -1, or 0 where they
  /// do not.
  int implied_sign(const Lattice& lattice, const GridIndex& point) const;

 private:
  /// Radius, squared, in which the sign is that of the sample.
  double reach(float value_minus_level, double slope, int stride) const;
  double slope_at(const GridIndex& point) const;

  std::array<double, 3> spacing_;
  const SlopeMap& slopes_;
  float level_, saturation_;
  int trusted_stride_;
};

}  // namespace sinter::mesh
