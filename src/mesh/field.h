#pragma once
// A scalar field sampled on the points of a regular grid over a box: what the decoder produces and
// what marching cubes reads. Positive is inside.
//
// Values live in bricks of 8x8x8 points that are allocated on demand, so a field evaluated near a
// surface only takes memory in proportion to the surface. NaN means "not evaluated".

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

/// Logits of a batch of points: `logits[n]` belongs to `points[n]`. Called from one thread at a
/// time. Must be a pure function of each point (not of the batch it came in), and finite.
using FieldSampler = std::function<void(std::span<const Vec3> points, std::span<float> logits)>;

/// Point (i, j, k) stands for coordinates (x, y, z); its linear index is
/// (i * points + j) * points + k with points = resolution + 1.
using GridIndex = std::array<std::int32_t, 3>;

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

class Field {
 public:
  static constexpr int kBrick = 8;
  static constexpr int kBrickPoints = kBrick * kBrick * kBrick;
  /// Values of points (8a + i, 8b + j, 8c + k) at (i * 8 + j) * 8 + k; points beyond the grid's
  /// end are NaN.
  using Brick = std::array<float, kBrickPoints>;

  /// Nothing evaluated.
  explicit Field(Grid grid);
  /// Every point given, in the order of GridIndex. Raises ErrorCode::invalid_argument for a wrong
  /// number of values.
  Field(Grid grid, std::span<const float> values);

  const Grid& grid() const { return grid_; }

  /// NaN where not evaluated. The index must lie in the grid.
  float at(const GridIndex& index) const;
  /// Allocates the brick if it is absent.
  void set(const GridIndex& index, float value);

  /// Bricks along each axis.
  int bricks() const { return bricks_; }
  /// Null where no point of the brick was evaluated, or where the coordinates lie outside.
  const Brick* brick(int a, int b, int c) const;
  /// Allocates, filled with NaN. Different bricks may be made by different threads at once.
  Brick& make_brick(int a, int b, int c);

  /// Range over everything the sampler returned, including coarse points that are not stored.
  const ValueRange& range() const { return range_; }
  void set_range(const ValueRange& range) { range_ = range; }

  /// Points that hold a value.
  std::int64_t evaluated() const;
  /// Bytes held by the bricks and their table.
  std::size_t bytes() const;

 private:
  std::size_t brick_index(int a, int b, int c) const {
    return (static_cast<std::size_t>(a) * static_cast<std::size_t>(bricks_) +
            static_cast<std::size_t>(b)) *
               static_cast<std::size_t>(bricks_) +
           static_cast<std::size_t>(c);
  }

  Grid grid_;
  int bricks_;
  std::vector<std::unique_ptr<Brick>> table_;
  ValueRange range_;
};

}  // namespace sinter::mesh
