#pragma once
// A scalar field sampled on the points of a regular grid over a box: what the decoder produces and
// what marching cubes reads. Positive is inside.

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "mesh/brick_table.h"
#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

/// Logits of a batch of points: `logits[n]` belongs to `points[n]`. Called from one thread at a
/// time. Must be a pure function of each point (not of the batch it came in), and finite.
using FieldSampler = std::function<void(std::span<const Vec3> points, std::span<float> logits)>;

/// The octree grid of the decoder: `resolution` cells along each axis of a box, points on both
/// faces of the box.
class Grid {
 public:
  static constexpr int kMinResolution = 16;
  static constexpr int kMaxResolution = 512;

  /// Cube [-box, box]^3. Raises ErrorCode::invalid_argument for a resolution outside 16..512 or a
  /// box that is not positive and finite.
  explicit Grid(int resolution, double box = 1.01);
  /// Any box with lower < upper on every axis.
  Grid(int resolution, const std::array<double, 3>& lower, const std::array<double, 3>& upper);

  int resolution() const { return resolution_; }
  int points() const { return resolution_ + 1; }
  std::int64_t point_count() const {
    return std::int64_t{points()} * std::int64_t{points()} * std::int64_t{points()};
  }
  const std::array<double, 3>& lower() const { return lower_; }
  const std::array<double, 3>& upper() const { return upper_; }
  /// Distance between neighbouring points along an axis, in float64.
  double spacing(int axis) const;

  /// Coordinates offered to a sampler: each axis is numpy's linspace (float64 arithmetic, last
  /// point exact) rounded once to fp32. Upstream's dense decode goes on to round them to the
  /// latents' type; sinter does not.
  Vec3 point(const GridIndex& index) const {
    return {axis_[0][static_cast<std::size_t>(index[0])],
            axis_[1][static_cast<std::size_t>(index[1])],
            axis_[2][static_cast<std::size_t>(index[2])]};
  }

 private:
  int resolution_;
  std::array<double, 3> lower_, upper_;
  std::array<std::vector<float>, 3> axis_;
};

/// Smallest and largest value, NaN excluded. Empty: min > max.
struct ValueRange {
  float min = std::numeric_limits<float>::infinity();
  float max = -std::numeric_limits<float>::infinity();
  void include(float value) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  bool empty() const { return min > max; }
};

/// Includes a sampler's answer in the range. Raises ErrorCode::internal, naming the point, for a
/// value that is not finite.
void include_values(std::span<const Vec3> points, std::span<const float> logits, ValueRange& range);

/// A grid and the values known on it. Values live in bricks, so a field evaluated near a surface
/// takes memory in proportion to the surface.
class Field {
 public:
  /// Nothing evaluated.
  explicit Field(Grid grid);
  /// Every point given, at (i * points + j) * points + k. Raises ErrorCode::invalid_argument for a
  /// wrong number of values.
  Field(Grid grid, std::span<const float> values);
  /// Takes over values that lie on the points of the grid.
  Field(Grid grid, BrickTable values, const ValueRange& range);

  const Grid& grid() const { return grid_; }
  /// The values; NaN means not evaluated.
  const BrickTable& values() const { return values_; }
  BrickTable& values() { return values_; }
  float at(const GridIndex& index) const { return values_.at(index); }
  void set(const GridIndex& index, float value) { values_.set(index, value); }

  /// Range over everything the sampler returned, including coarse points that are not stored. Not
  /// kept up by set().
  const ValueRange& range() const { return range_; }
  void set_range(const ValueRange& range) { range_ = range; }

  /// Points that hold a value.
  std::int64_t evaluated() const;
  /// Bytes held by the values.
  std::size_t bytes() const { return values_.bytes(); }

 private:
  Grid grid_;
  BrickTable values_;
  ValueRange range_;
};

}  // namespace sinter::mesh
