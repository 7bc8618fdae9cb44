// Hierarchical sampling against dense sampling, cell by cell and bit by bit.

#include "mesh/sample_hierarchical.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <map>
#include <set>

#include "mesh/fields.h"
#include "mesh/marching_cubes.h"
#include "mesh/sample_dense.h"
#include "sinter/error.h"

namespace sinter::mesh {
namespace {

using testing::clamped;
using testing::random_field;
using testing::RandomField;
using testing::sampler;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Corners of a cell; the cell's own index may be -1 or N, beyond the border.
std::array<GridIndex, 8> corners_of(const GridIndex& cell) {
  std::array<GridIndex, 8> corners;
  for (int c = 0; c < 8; ++c) {
    corners[static_cast<std::size_t>(c)] = {
        cell[0] + ((c >> 2) & 1), cell[1] + ((c >> 1) & 1), cell[2] + (c & 1)};
  }
  return corners;
}

bool in_grid(const Grid& grid, const GridIndex& p) {
  return std::all_of(p.begin(), p.end(), [&](int x) { return x >= 0 && x < grid.points(); });
}

bool is_inside(const Field& field, const GridIndex& p, float level) {
  return in_grid(field.grid(), p) && field.at(p) - level > 0;
}

/// Cells with corners on both sides, everything beyond the grid being outside.
std::vector<GridIndex> crossed_cells(const Field& dense, float level) {
  const int side = dense.grid().points() + 2;  // points -1 .. N + 1
  std::vector<std::uint8_t> inside;
  for (int i = 0; i < side; ++i) {
    for (int j = 0; j < side; ++j) {
      for (int k = 0; k < side; ++k)
        inside.push_back(is_inside(dense, {i - 1, j - 1, k - 1}, level));
    }
  }
  std::vector<GridIndex> cells;
  for (int i = 0; i + 1 < side; ++i) {
    for (int j = 0; j + 1 < side; ++j) {
      for (int k = 0; k + 1 < side; ++k) {
        const auto sum = [&](int x, int y) {
          const auto at = static_cast<std::size_t>((x * side + y) * side + k);
          return inside[at] + inside[at + 1];
        };
        const int count = sum(i, j) + sum(i, j + 1) + sum(i + 1, j) + sum(i + 1, j + 1);
        if (count != 0 && count != 8) cells.push_back({i - 1, j - 1, k - 1});
      }
    }
  }
  return cells;
}

bool is_complete(const Field& field, const GridIndex& cell) {
  for (const GridIndex& p : corners_of(cell)) {
    if (in_grid(field.grid(), p) && std::isnan(field.at(p))) return false;
  }
  return true;
}

/// Crossed cells of the dense field that the sparse one does not have in full.
std::int64_t missing_cells(const Field& dense, const Field& sparse, float level) {
  std::int64_t missing = 0;
  for (const GridIndex& cell : crossed_cells(dense, level)) missing += !is_complete(sparse, cell);
  return missing;
}

void expect_samples_of_dense(const Field& dense, const Field& sparse) {
  const int points = dense.grid().points();
  for (int i = 0; i < points; ++i) {
    for (int j = 0; j < points; ++j) {
      for (int k = 0; k < points; ++k) {
        const float value = sparse.at({i, j, k});
        if (std::isnan(value)) continue;
        ASSERT_EQ(std::bit_cast<std::uint32_t>(value),
                  std::bit_cast<std::uint32_t>(dense.at({i, j, k})));
      }
    }
  }
}

void expect_same_surface(const Field& dense, const Field& sparse, float level) {
  EXPECT_EQ(missing_cells(dense, sparse, level), 0);
  expect_samples_of_dense(dense, sparse);
  if (crossed_cells(dense, level).empty()) return;
  for (const bool closed : {true, false}) {
    if (!closed && dense.range().max <= level) continue;
    MarchingCubesOptions options;
    options.level = level;
    options.close_at_border = closed;
    const TriangleMesh expected = marching_cubes(dense, options);
    const TriangleMesh found = marching_cubes(sparse, options);
    EXPECT_EQ(found.positions, expected.positions);
    EXPECT_EQ(found.faces, expected.faces);
  }
}

// The promise numbered 1 in the header, as a theorem: with a true bound on the slope and no trust
// in saturated values, every crossed cell is there; whatever the strides, the level and the grid.
TEST(SampleHierarchical, TrueSlopeBoundLosesNothing) {
  std::int64_t queries = 0, points = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const RandomField field = random_field(seed);
    const Grid grid =
        seed % 5 == 0 ? Grid(16 + static_cast<int>(seed * 13 % 31), {-1, -0.8, -0.5}, {1, 0.9, 0.7})
                      : Grid(16 + static_cast<int>(seed * 13 % 31));
    HierarchicalOptions options;
    options.level = seed % 3 == 0 ? 0.3f : seed % 3 == 1 ? 0.0f : -0.2f;
    options.slope = field.slope;
    options.saturation = kInfinity;
    options.coarse_stride = std::array{8, 4, 2}[seed % 3];
    options.follow_surface = false;
    options.chunk = 3000;
    SampleStats stats;
    const Field dense = sample_dense(grid, sampler(field.function));
    const Field sparse = sample_hierarchical(grid, sampler(field.function), options, &stats);
    expect_same_surface(dense, sparse, options.level);
    queries += stats.queries;
    points += stats.grid_points;
    if (HasFailure()) return;
  }
  // Not by evaluating everything.
  EXPECT_LT(queries, points * 3 / 4);
}

// The same with the defaults: the slope measured, saturated values trusted where the coarse lattice
// is as dense as that of a real decode.
TEST(SampleHierarchical, EstimatedSlopeLosesNothingOnRandomFields) {
  for (std::uint64_t seed = 0; seed < 34; ++seed) {
    SCOPED_TRACE(seed);
    const RandomField field = random_field(seed);
    const Grid grid(seed < 33 ? 33 + static_cast<int>(seed * 17 % 38) : 129);
    HierarchicalOptions options;
    options.level = seed % 3 == 0 ? 0.1f : 0.0f;
    options.threads = 2;
    const Field dense = sample_dense(grid, sampler(field.function));
    const Field sparse = sample_hierarchical(grid, sampler(field.function), options);
    EXPECT_EQ(missing_cells(dense, sparse, options.level), 0);
    expect_samples_of_dense(dense, sparse);
    if (HasFailure()) return;
  }
}

TEST(SampleHierarchical, ShareIsSmallWithTheDefaults) {
  const auto function = clamped(testing::random_balls(5, 6, 0.2, 0.5), 0.06);
  const Grid grid(160);
  SampleStats stats;
  HierarchicalOptions options;
  options.threads = 2;
  const Field sparse = sample_hierarchical(grid, sampler(function), options, &stats);
  const Field dense = sample_dense(grid, sampler(function));
  EXPECT_EQ(missing_cells(dense, sparse, 0), 0);
  EXPECT_LT(stats.share(), 0.1);
  EXPECT_LT(sparse.bytes(), dense.bytes() / 4);
}

/// Pieces of the surface: crossed cells joined through faces whose corners lie on both sides.
std::vector<std::vector<GridIndex>> surface_pieces(const Field& dense, float level) {
  const auto cells = crossed_cells(dense, level);
  std::map<GridIndex, std::size_t> piece_of;
  for (const GridIndex& cell : cells) piece_of[cell] = cells.size();
  std::vector<std::vector<GridIndex>> pieces;
  for (const GridIndex& start : cells) {
    if (piece_of[start] != cells.size()) continue;
    std::vector<GridIndex> open = {start};
    piece_of[start] = pieces.size();
    pieces.emplace_back();
    while (!open.empty()) {
      const GridIndex cell = open.back();
      open.pop_back();
      pieces.back().push_back(cell);
      for (std::size_t axis = 0; axis < 3; ++axis) {
        for (const int side : {0, 1}) {
          int inside = 0;
          for (const GridIndex& p : corners_of(cell)) {
            inside += p[axis] == cell[axis] + side && is_inside(dense, p, level);
          }
          if (inside == 0 || inside == 4) continue;
          GridIndex next = cell;
          next[axis] += side == 1 ? 1 : -1;
          const auto found = piece_of.find(next);
          if (found == piece_of.end() || found->second != cells.size()) continue;
          found->second = pieces.size() - 1;
          open.push_back(next);
        }
      }
    }
  }
  return pieces;
}

// The promise numbered 3: a slope far too small lets holes in, and following closes all of them.
TEST(SampleHierarchical, FollowingCompletesEveryPieceThatWasTouched) {
  std::int64_t holes = 0, found = 0, lost = 0;
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    SCOPED_TRACE(seed);
    const RandomField field = random_field(seed);
    const Grid grid(40 + static_cast<int>(seed * 7 % 23));
    HierarchicalOptions options;
    options.coarse_stride = 8;
    options.slope = 1e-3;
    const Field dense = sample_dense(grid, sampler(field.function));
    SampleStats stats;
    const Field followed = sample_hierarchical(grid, sampler(field.function), options, &stats);
    expect_samples_of_dense(dense, followed);
    for (const auto& piece : surface_pieces(dense, 0)) {
      std::size_t complete = 0;
      bool coarse_change = false;
      for (const GridIndex& cell : piece) complete += is_complete(followed, cell);
      // A coarse cell with corners on both sides touches whatever separates them.
      for (const GridIndex& cell : piece) {
        bool inside = false, outside = false;
        for (const GridIndex& p : corners_of(cell)) {
          GridIndex coarse;
          for (std::size_t axis = 0; axis < 3; ++axis) coarse[axis] = p[axis] / 8 * 8;
          const bool in = is_inside(dense, coarse, 0);
          inside = inside || in;
          outside = outside || !in;
        }
        coarse_change = coarse_change || (inside && outside);
      }
      // Either the whole piece, or it was never touched (some corners may be known by chance).
      if (complete != piece.size()) {
        for (const GridIndex& cell : piece) {
          bool in = false, out = false;
          for (const GridIndex& p : corners_of(cell)) {
            const bool known = !in_grid(grid, p) || !std::isnan(followed.at(p));
            if (!known) continue;
            (is_inside(dense, p, 0) ? in : out) = true;
          }
          EXPECT_FALSE(in && out);
        }
        ++lost;
      } else {
        ++found;
      }
    }
    options.follow_surface = false;
    const Field loose = sample_hierarchical(grid, sampler(field.function), options);
    holes += missing_cells(dense, loose, 0) - missing_cells(dense, followed, 0);
    if (HasFailure()) return;
  }
  EXPECT_GT(holes, 1000);
  EXPECT_GT(found, 20);
  EXPECT_GT(lost, 5);  // else the slope was not small enough to test anything
}

// What the header says can be lost: a ball inside one coarse cell, all of whose corners are
// saturated. Distrusting saturation, or a finer coarse lattice, finds it.
TEST(SampleHierarchical, BallBetweenSaturatedCornersIsTheDocumentedLoss) {
  const Grid grid(128, 1.0);
  // Middle of a cell of stride 2, which is the trusted stride at this size.
  const double middle = 65 * (2.0 / 128) - 1;
  const auto function = clamped(
      [=](double x, double y, double z) {
        return std::max(testing::sphere(-0.5, 0, 0, 0.3)(x, y, z),
                        testing::sphere(middle, middle, middle, 0.012)(x, y, z));
      },
      0.01);
  const Field dense = sample_dense(grid, sampler(function));
  HierarchicalOptions options;
  EXPECT_EQ(missing_cells(dense, sample_hierarchical(grid, sampler(function), options), 0), 8);
  options.saturation = kInfinity;
  EXPECT_EQ(missing_cells(dense, sample_hierarchical(grid, sampler(function), options), 0), 0);
  options.saturation = 0.95f;
  options.coarse_stride = 1;
  EXPECT_EQ(missing_cells(dense, sample_hierarchical(grid, sampler(function), options), 0), 0);
}

TEST(SampleHierarchical, SurfacesThroughTheBorderAreComplete) {
  for (const double offset : {0.3, 0.8, 1.2}) {
    const auto function = clamped(
        [=](double x, double y, double z) {
          return std::max(x + 0.2 * y - offset + 0.4, testing::sphere(0, -1, 1, 0.9)(x, y, z));
        },
        0.06);
    for (const int n : {67, 96}) {
      const Grid grid(n);
      const Field dense = sample_dense(grid, sampler(function));
      HierarchicalOptions options;
      options.coarse_stride = 4;
      expect_same_surface(dense, sample_hierarchical(grid, sampler(function), options), 0);
    }
  }
}

TEST(SampleHierarchical, NoPointIsAskedForTwiceAndThreadsDoNotMatter) {
  const RandomField field = random_field(3);
  const Grid grid(75);
  std::vector<Vec3> first_order;
  Field first(grid);
  for (const int threads : {1, 2, 5}) {
    std::vector<Vec3> order;
    std::size_t largest = 0;
    HierarchicalOptions options;
    options.threads = threads;
    options.chunk = 777;
    double fraction = 0;
    options.progress = [&](double f) {
      EXPECT_GE(f, fraction);
      EXPECT_LE(f, 1);
      fraction = f;
    };
    SampleStats stats;
    Field sparse = sample_hierarchical(
        grid,
        [&](std::span<const Vec3> points, std::span<float> logits) {
          largest = std::max(largest, points.size());
          order.insert(order.end(), points.begin(), points.end());
          sampler(field.function)(points, logits);
        },
        options,
        &stats);
    EXPECT_EQ(fraction, 1);
    EXPECT_EQ(largest, 777u);
    EXPECT_EQ(std::set<Vec3>(order.begin(), order.end()).size(), order.size());
    EXPECT_EQ(stats.queries, static_cast<std::int64_t>(order.size()));
    std::int64_t by_level = stats.following_queries;
    for (const SampleLevel& level : stats.levels) by_level += level.queries;
    EXPECT_EQ(by_level, stats.queries);
    if (threads == 1) {
      first_order = order;
      first = std::move(sparse);
      continue;
    }
    EXPECT_EQ(order, first_order);
    expect_samples_of_dense(first, sparse);
    EXPECT_EQ(sparse.evaluated(), first.evaluated());
  }
}

TEST(SampleHierarchical, FieldWithoutSurfaceStillHasARange) {
  const auto outside = sampler([](double x, double, double) { return x - 3; });
  const Field field = sample_hierarchical(Grid(64), outside);
  EXPECT_NEAR(field.range().min, -4.01, 1e-5);
  EXPECT_NEAR(field.range().max, -1.99, 1e-5);
  EXPECT_THROW(marching_cubes(field), Error);
}

TEST(SampleHierarchical, ErrorsComeThrough) {
  const Grid grid(64);
  const auto ball = sampler(clamped(testing::sphere(0, 0, 0, 0.5), 0.1));
  const auto code_of = [&](const HierarchicalOptions& options, const FieldSampler& f) {
    try {
      sample_hierarchical(grid, f, options);
    } catch (const Error& error) {
      return to_string(error.code());
    }
    return "none";
  };
  const char* invalid = to_string(ErrorCode::invalid_argument);
  EXPECT_EQ(code_of({}, ball), std::string("none"));
  EXPECT_EQ(code_of({.level = kInfinity}, ball), std::string(invalid));
  EXPECT_EQ(code_of({.chunk = 0}, ball), std::string(invalid));
  EXPECT_EQ(code_of({.slope = -1}, ball), std::string(invalid));
  EXPECT_EQ(code_of({.slope_quantile = 0}, ball), std::string(invalid));
  EXPECT_EQ(code_of({.slope_safety = 0.5}, ball), std::string(invalid));
  EXPECT_EQ(code_of({.saturation = 0}, ball), std::string(invalid));
  EXPECT_EQ(code_of({.coarse_stride = 3}, ball), std::string(invalid));
  EXPECT_EQ(code_of({},
                    [](std::span<const Vec3>, std::span<float>) {
                      throw Error(ErrorCode::cancelled, "stop");
                    }),
            std::string(to_string(ErrorCode::cancelled)));
  int calls = 0;
  EXPECT_EQ(code_of({.chunk = 2000},
                    [&](std::span<const Vec3> points, std::span<float> logits) {
                      ball(points, logits);
                      if (++calls == 5) logits[3] = std::numeric_limits<float>::quiet_NaN();
                    }),
            std::string(to_string(ErrorCode::internal)));
}

}  // namespace
}  // namespace sinter::mesh
