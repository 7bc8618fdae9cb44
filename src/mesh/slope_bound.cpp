#include "mesh/slope_bound.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mesh/block_reader.h"
#include "mesh/parallel.h"
#include "mesh/slope_directions.h"

namespace sinter::mesh {
namespace {

constexpr SlopeDirections kDirections;

/// Appends the largest difference quotient at each point of one brick, where there is one, and
/// raises the map's to it.
void collect_slopes(const Grid& grid,
                    const Lattice& lattice,
                    const GridIndex& brick,
                    float saturation,
                    std::vector<float>& slopes,
                    SlopeMap& map) {
  BlockValues block;
  if (!BlockReader(lattice.values, 0, false).read(brick, block)) return;
  std::array<std::array<double, kBlockCells>, 3> step;  // from each point to the next one
  for (std::size_t axis = 0; axis < 3; ++axis) {
    for (int p = 0; p < kBlockCells; ++p) {
      const int i = brick[axis] * BrickTable::kSide + p;
      step[axis][static_cast<std::size_t>(p)] =
          (lattice.to_grid(i + 1) - lattice.to_grid(i)) * grid.spacing(static_cast<int>(axis));
    }
  }
  const auto distance_square = [&](const std::array<int, 3>& p, const int(&to)[3]) {
    double square = 0;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (to[axis] == 0) continue;
      const double s = step[axis][static_cast<std::size_t>(p[axis] - (to[axis] < 0))];
      square += s * s;
    }
    return square;
  };
  for (int n = 0; n < BrickTable::kPoints; ++n) {
    const std::array<int, 3> p = {n / 64, n / 8 % 8, n % 8};
    const float here = block.at(p[0], p[1], p[2]);
    if (!std::isfinite(here)) continue;
    double steepest = 0;
    for (const auto& direction : kDirections.of) {
      // Pairs that lead out of the block downwards are left to other directions.
      if (p[1] + direction[1] < 0 || p[2] + direction[2] < 0) continue;
      const float there = block.at(p[0] + direction[0], p[1] + direction[1], p[2] + direction[2]);
      if (!std::isfinite(there)) continue;
      if (std::abs(here) >= saturation && std::abs(there) >= saturation) continue;
      const double square = distance_square(p, direction);
      const double difference = static_cast<double>(there) - static_cast<double>(here);
      const double slope_square = difference * difference;
      if (slope_square > steepest * square) steepest = slope_square / square;
    }
    if (steepest == 0) continue;
    const auto slope = static_cast<float>(std::sqrt(steepest));
    slopes.push_back(slope);
    GridIndex place;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      place[axis] = map.block_of(lattice.to_grid(brick[axis] * BrickTable::kSide + p[axis]));
    }
    float& largest = map.of_block(place);
    largest = std::max(largest, slope);
  }
}

}  // namespace

SlopeMap::SlopeMap(int cells, float slope)
    : blocks_((cells + kBlock - 1) / kBlock),
      slope_(static_cast<std::size_t>(blocks_ * blocks_ * blocks_), slope) {}

void SlopeMap::spread() {
  const auto n = static_cast<std::size_t>(blocks_);
  for (const std::size_t stride : {std::size_t{1}, n, n * n}) {
    const std::vector<float> before = slope_;
    for (std::size_t i = 0; i < slope_.size(); ++i) {
      const std::size_t along = i / stride % n;
      if (along > 0) slope_[i] = std::max(slope_[i], before[i - stride]);
      if (along + 1 < n) slope_[i] = std::max(slope_[i], before[i + stride]);
    }
  }
}

void SlopeMap::scale(float factor, float floor) {
  for (float& slope : slope_) slope = std::max(factor * slope, floor);
}

void SlopeMap::raise_to(const SlopeMap& other) {
  for (std::size_t i = 0; i < slope_.size(); ++i) slope_[i] = std::max(slope_[i], other.slope_[i]);
}

bool SlopeMap::is_within(const SlopeMap& other) const {
  return std::equal(
      slope_.begin(), slope_.end(), other.slope_.begin(), [](float a, float b) { return a <= b; });
}

MeasuredSlopes measure_slopes(const Grid& grid,
                              std::span<const Lattice> lattices,
                              double quantile,
                              const SlopeOptions& options) {
  MeasuredSlopes measured{SlopeMap(grid.resolution(), 0), 0};
  std::vector<float> slopes;
  for (const Lattice& lattice : lattices) {
    const std::int64_t bricks = lattice.values.brick_count();
    std::vector<std::vector<float>> of_brick(static_cast<std::size_t>(bricks));
    // A brick covers whole blocks of the map, so no two threads raise the same one.
    parallel_blocks(
        options.threads,
        bricks,
        16,
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t n = begin; n < end; ++n) {
            const GridIndex brick = lattice.values.brick_position(n);
            if (lattice.values.brick(brick) == nullptr) continue;
            collect_slopes(grid,
                           lattice,
                           brick,
                           options.saturation,
                           of_brick[static_cast<std::size_t>(n)],
                           measured.local);
          }
        },
        options.poll);
    for (const auto& part : of_brick) slopes.insert(slopes.end(), part.begin(), part.end());
  }
  if (slopes.empty()) return measured;
  const auto rank =
      static_cast<std::ptrdiff_t>(std::ceil(quantile * static_cast<double>(slopes.size() - 1)));
  std::nth_element(slopes.begin(), slopes.begin() + rank, slopes.end());
  measured.typical = slopes[static_cast<std::size_t>(rank)];
  return measured;
}

SignBound::SignBound(const Grid& grid,
                     const SlopeMap& slopes,
                     const SlopeOptions& options,
                     int trusted_stride)
    : spacing_{grid.spacing(0), grid.spacing(1), grid.spacing(2)},
      slopes_(slopes),
      level_(options.level),
      saturation_(options.saturation),
      trusted_stride_(trusted_stride) {}

double SignBound::slope_at(const GridIndex& point) const {
  return std::max(static_cast<double>(slopes_.at(point)), std::numeric_limits<double>::min());
}

double SignBound::reach(float value_minus_level, double slope, int stride) const {
  const double radius = std::abs(static_cast<double>(value_minus_level)) / slope;
  const double square = radius * radius;
  if (stride > trusted_stride_ || std::abs(value_minus_level + level_) < saturation_) return square;
  double diagonal = 0;
  for (const double h : spacing_) diagonal += h * h * stride * stride;
  // A trifle more than half, so that rounding does not leave out the very middle.
  return std::max(square, 0.2501 * diagonal);
}

bool SignBound::may_be_crossed(const std::array<float, 8>& corner,
                               const GridIndex& first,
                               const GridIndex& extent,
                               int stride) const {
  const double slope = slope_at(first);
  const bool inside = corner[0] > 0;
  std::array<double, 8> reaches;
  double diagonal = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    diagonal += std::pow(spacing_[axis] * extent[axis], 2);
  }
  bool all_reach_middle = true;
  for (std::size_t c = 0; c < 8; ++c) {
    if ((corner[c] > 0) != inside) return true;
    reaches[c] = reach(corner[c], slope, stride);
    all_reach_middle = all_reach_middle && reaches[c] > 0.25 * diagonal;
  }
  // Every point is within half the diagonal of its nearest corner.
  if (all_reach_middle) return false;
  for (int i = 0; i <= extent[0]; ++i) {
    for (int j = 0; j <= extent[1]; ++j) {
      for (int k = 0; k <= extent[2]; ++k) {
        bool reached = false;
        for (int c = 0; c < 8 && !reached; ++c) {
          const double x = spacing_[0] * ((c & 4) != 0 ? extent[0] - i : i);
          const double y = spacing_[1] * ((c & 2) != 0 ? extent[1] - j : j);
          const double z = spacing_[2] * ((c & 1) != 0 ? extent[2] - k : k);
          const double square = x * x + y * y + z * z;
          // A corner's own sign is known even where its value is exactly the level.
          reached = square == 0 || square < reaches[static_cast<std::size_t>(c)];
        }
        if (!reached) return true;
      }
    }
  }
  return false;
}

int SignBound::implied_sign(const Lattice& lattice, const GridIndex& point) const {
  std::array<std::array<int, 2>, 3> cells;
  for (std::size_t axis = 0; axis < 3; ++axis) cells[axis] = lattice.cells_at(point[axis]);
  const double slope = slope_at(point);
  bool inside = false, outside = false;
  for (int i = cells[0][0]; i <= cells[0][1] + 1; ++i) {
    for (int j = cells[1][0]; j <= cells[1][1] + 1; ++j) {
      for (int k = cells[2][0]; k <= cells[2][1] + 1; ++k) {
        const float value = lattice.values.at({i, j, k}) - level_;
        if (!std::isfinite(value)) continue;
        const double x = spacing_[0] * (lattice.to_grid(i) - point[0]);
        const double y = spacing_[1] * (lattice.to_grid(j) - point[1]);
        const double z = spacing_[2] * (lattice.to_grid(k) - point[2]);
        if (x * x + y * y + z * z >= reach(value, slope, lattice.stride())) {
          continue;
        }
        (value > 0 ? inside : outside) = true;
      }
    }
  }
  return inside == outside ? 0 : inside ? 1 : -1;
}

}  // namespace sinter::mesh
