#include "mesh/field.h"

#include <cmath>

#include "core/error.h"
#include "mesh/parallel.h"

namespace sinter::mesh {
namespace {

constexpr std::array<double, 3> all_axes(double value) {
  return {value, value, value};
}

std::vector<float> linspace(double lower, double upper, int cells) {
  const double step = (upper - lower) / cells;
  std::vector<float> values(static_cast<std::size_t>(cells) + 1);
  for (int i = 0; i < cells; ++i) {
    values[static_cast<std::size_t>(i)] = static_cast<float>(i * step + lower);
  }
  values.back() = static_cast<float>(upper);
  return values;
}

}  // namespace

Grid::Grid(int resolution, double box) : Grid(resolution, all_axes(-box), all_axes(box)) {}

Grid::Grid(int resolution, const std::array<double, 3>& lower, const std::array<double, 3>& upper)
    : resolution_(resolution), lower_(lower), upper_(upper) {
  SINTER_CHECK(resolution >= kMinResolution && resolution <= kMaxResolution,
               ErrorCode::invalid_argument,
               "[grid] octree resolution: expected ",
               kMinResolution,
               "..",
               kMaxResolution,
               ", got ",
               resolution);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    // Neighbouring points must stay well apart in fp32, and vertices between them too.
    const double largest = std::max(std::abs(lower[axis]), std::abs(upper[axis]));
    const bool usable = std::isfinite(static_cast<float>(largest)) &&
                        upper[axis] - lower[axis] >= 32 * 0x1p-23 * largest * resolution;
    SINTER_CHECK(usable && upper[axis] > lower[axis],
                 ErrorCode::invalid_argument,
                 "[grid] box: expected finite bounds with lower < upper, got ",
                 lower[axis],
                 "..",
                 upper[axis],
                 " on axis ",
                 axis);
    axis_[axis] = linspace(lower[axis], upper[axis], resolution);
  }
}

double Grid::spacing(int axis) const {
  const auto a = static_cast<std::size_t>(axis);
  return (upper_[a] - lower_[a]) / resolution_;
}

void include_values(std::span<const Vec3> points,
                    std::span<const float> logits,
                    ValueRange& range) {
  for (std::size_t n = 0; n < points.size(); ++n) {
    SINTER_CHECK(std::isfinite(logits[n]),
                 ErrorCode::internal,
                 "[field] value at (",
                 points[n][0],
                 ", ",
                 points[n][1],
                 ", ",
                 points[n][2],
                 "): expected a finite number, got ",
                 logits[n],
                 "; the weights or the latents behind it are not usable");
    range.include(logits[n]);
  }
}

Field::Field(Grid grid) : grid_(std::move(grid)), values_(grid_.points()) {}

Field::Field(Grid grid, BrickTable values, const ValueRange& range)
    : grid_(std::move(grid)), values_(std::move(values)), range_(range) {
  SINTER_CHECK(values_.points() == grid_.points(),
               ErrorCode::internal,
               "[field] values: expected ",
               grid_.points(),
               " points along each axis, got ",
               values_.points());
}

Field::Field(Grid grid, std::span<const float> values) : Field(std::move(grid)) {
  SINTER_CHECK(std::cmp_equal(values.size(), grid_.point_count()),
               ErrorCode::invalid_argument,
               "[field] values: expected ",
               grid_.point_count(),
               ", got ",
               values.size());
  const int points = grid_.points();
  std::size_t next = 0;
  for (int i = 0; i < points; ++i) {
    for (int j = 0; j < points; ++j) {
      for (int k = 0; k < points; ++k, ++next) {
        if (std::isnan(values[next])) continue;
        set({i, j, k}, values[next]);
        range_.include(values[next]);
      }
    }
  }
}

std::int64_t Field::evaluated() const {
  std::int64_t count = 0;
  for (std::int64_t n = 0; n < values_.brick_count(); ++n) {
    const BrickTable::Brick* brick = values_.brick(values_.brick_position(n));
    if (brick == nullptr) continue;
    for (const float value : *brick) count += !std::isnan(value);
  }
  return count;
}

}  // namespace sinter::mesh
