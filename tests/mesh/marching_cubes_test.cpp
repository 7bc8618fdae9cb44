#include "mesh/marching_cubes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "mesh/cleanup.h"
#include "mesh/fields.h"
#include "mesh/predicates.h"
#include "mesh/sample_dense.h"
#include "mesh/soundness.h"
#include "mesh/vector_math.h"
#include "sinter/error.h"

namespace sinter::mesh {
namespace {

using testing::has_single_fans;
using testing::is_closed_and_oriented;
using testing::sampler;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

void expect_manifold(const TriangleMesh& mesh) {
  EXPECT_TRUE(is_closed_and_oriented(mesh));
  EXPECT_TRUE(has_single_fans(mesh));
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    ASSERT_FALSE(collinear(corners(mesh, f))) << "face " << f;
  }
}

/// How often the mesh winds around a point (van Oosterom and Strackee 1983): 1 inside, 0 outside.
double winding_number(const TriangleMesh& mesh, const Vec3& point) {
  const Vec3d p = to_double(point);
  double sum = 0;
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    const Triangle t = corners(mesh, f);
    const Vec3d a = to_double(t[0]) - p, b = to_double(t[1]) - p, c = to_double(t[2]) - p;
    const double la = length(a), lb = length(b), lc = length(c);
    sum += 2 * std::atan2(dot(a, cross(b, c)),
                          la * lb * lc + dot(a, b) * lc + dot(b, c) * la + dot(c, a) * lb);
  }
  return sum / (4 * std::numbers::pi);
}

std::vector<GridIndex> all_points(const Grid& grid) {
  std::vector<GridIndex> points;
  for (int i = 0; i < grid.points(); ++i) {
    for (int j = 0; j < grid.points(); ++j) {
      for (int k = 0; k < grid.points(); ++k) points.push_back({i, j, k});
    }
  }
  return points;
}

// Noise puts every case of the table beside every other; with steps, values equal to the level and
// equal products in the face decision are everywhere.
TEST(MarchingCubes, NoiseGivesAManifold) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const Grid grid(16 + static_cast<int>(seed % 5));
    const int steps = std::array{0, 1, 2, 5}[seed % 4];
    MarchingCubesOptions options;
    options.level = seed % 3 == 0 ? 0.5f : 0;
    expect_manifold(marching_cubes(testing::noise_field(grid, seed, steps), options));
    if (HasFailure()) return;
  }
}

TEST(MarchingCubes, SmoothFieldsGiveAManifold) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const Grid grid(17 + static_cast<int>(seed % 16));
    const auto field = seed % 3 == 0   ? testing::random_waves(seed, 14)
                       : seed % 3 == 1 ? testing::random_balls(seed, 12, 0.05, 0.5)
                                       : testing::random_sheet(seed, 0.08);
    expect_manifold(marching_cubes(sample_dense(grid, sampler(testing::clamped(field, 0.1)))));
    if (HasFailure()) return;
  }
}

TEST(MarchingCubes, WindsOnceAroundInsidePointsOnly) {
  const Grid grid(16, {-1, -0.5, 0}, {1, 0.75, 3});
  const Field field = testing::noise_field(grid, 5, 0);
  MarchingCubesOptions options;
  options.level = 0.6f;
  const TriangleMesh mesh = marching_cubes(field, options);
  for (const GridIndex& index : all_points(grid)) {
    if ((index[0] + 3 * index[1] + 7 * index[2]) % 5 != 0) continue;
    // Border points that are inside lie within the margin of the cap.
    ASSERT_NEAR(winding_number(mesh, grid.point(index)), field.at(index) > 0.6f ? 1 : 0, 1e-3);
  }
}

// Each vertex lies on one crossed edge, at the place that linear interpolation gives.
TEST(MarchingCubes, VerticesAreInterpolatedCrossings) {
  const Grid grid(19, 0.9);
  const Field field = sample_dense(grid, sampler(testing::random_waves(8, 9)));
  MarchingCubesOptions options;
  options.level = 0.02f;
  options.close_at_border = false;
  const TriangleMesh mesh = marching_cubes(field, options);
  std::vector<Vec3> expected;
  for (const GridIndex& p : all_points(grid)) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      GridIndex q = p;
      if (++q[axis] >= grid.points()) continue;
      const double a = static_cast<double>(field.at(p)) - static_cast<double>(options.level);
      const double b = static_cast<double>(field.at(q)) - static_cast<double>(options.level);
      if ((a > 0) == (b > 0)) continue;
      std::array<double, 3> at = {0.0 + p[0], 0.0 + p[1], 0.0 + p[2]};
      at[axis] += std::clamp(a / (a - b), 1.0 / 1024, 1023.0 / 1024);
      Vec3 point;
      for (std::size_t x = 0; x < 3; ++x) point[x] = static_cast<float>(at[x] / 19 * 1.8 - 0.9);
      expected.push_back(point);
    }
  }
  std::vector<Vec3> found = mesh.positions;
  std::sort(found.begin(), found.end());
  std::sort(expected.begin(), expected.end());
  ASSERT_EQ(found.size(), expected.size());  // a smooth field needs no vertex inside a cell
  for (std::size_t n = 0; n < found.size(); ++n) {
    // Values minus level are rounded to fp32 by the extraction; positions once more.
    for (std::size_t x = 0; x < 3; ++x) ASSERT_NEAR(found[n][x], expected[n][x], 3e-6);
  }
}

TEST(MarchingCubes, EllipsoidHasTheVolumeAndPlaceOfTheEllipsoid) {
  const auto field = [](double x, double y, double z) {
    return 1 - std::hypot((x - 0.2) / 0.5, (y + 0.1) / 0.4, (z - 0.15) / 0.6);
  };
  const Grid grid(96);
  const Field values = sample_dense(grid, sampler(field));
  const double volume = 4.0 / 3 * std::numbers::pi * 0.5 * 0.4 * 0.6;
  const TriangleMesh correct = marching_cubes(values);
  expect_manifold(correct);
  // A polyhedron with corners on the surface: smaller by O(h^2), and counter-clockwise outwards.
  EXPECT_LT(signed_volume(correct), volume);
  EXPECT_GT(signed_volume(correct), 0.998 * volume);

  MarchingCubesOptions options;
  options.coordinates = CoordinateMode::upstream_parity;
  const TriangleMesh parity = marching_cubes(values, options);
  ASSERT_EQ(parity.faces, correct.faces);
  for (std::size_t v = 0; v < parity.positions.size(); v += 7) {
    for (std::size_t x = 0; x < 3; ++x) {
      const double index = (static_cast<double>(correct.positions[v][x]) + 1.01) / 2.02 * 96;
      EXPECT_NEAR(parity.positions[v][x], index / 97 * 2.02 - 1.01, 1e-6);
    }
  }
}

TEST(MarchingCubes, SurfaceEndsAtTheBorderOrIsClosedThere) {
  const Grid grid(24);
  const Field field = sample_dense(grid, sampler(testing::sphere(0.9, 0.8, -0.7, 0.6)));
  MarchingCubesOptions options;
  const TriangleMesh closed = marching_cubes(field, options);
  expect_manifold(closed);
  float highest = -2;
  for (const Vec3& p : closed.positions) highest = std::max(highest, p[0]);
  // The cap lies a thousandth of a cell outside the box.
  EXPECT_NEAR(highest, 1.01 + 2.02 / 24 / 1024, 1e-6);

  options.close_at_border = false;
  const TriangleMesh open = marching_cubes(field, options);
  EXPECT_FALSE(is_closed_and_oriented(open));
  EXPECT_LT(open.faces.size(), closed.faces.size());
  for (const Vec3& p : open.positions) {
    for (const float x : p) EXPECT_LE(std::abs(x), 1.01f);
  }
}

/// Blanks the points that no crossed cell touches; keeps about a third of the rest of them.
Field blank_far_points(const Field& field, bool closed) {
  const Grid& grid = field.grid();
  Field masked(grid);
  masked.set_range(field.range());
  const auto value = [&](const GridIndex& p) {
    for (const int x : p) {
      if (x < 0 || x >= grid.points()) return closed ? -1.0f : kNan;
    }
    return field.at(p);
  };
  for (const GridIndex& p : all_points(grid)) {
    bool needed = false;
    for (int cell = 0; cell < 8; ++cell) {
      bool inside = false, outside = false;
      for (int corner = 0; corner < 8; ++corner) {
        const float v = value({p[0] + ((corner >> 2) & 1) - ((cell >> 2) & 1),
                               p[1] + ((corner >> 1) & 1) - ((cell >> 1) & 1),
                               p[2] + (corner & 1) - (cell & 1)});
        inside = inside || v > 0;
        outside = outside || v <= 0;
      }
      needed = needed || (inside && outside);
    }
    if (needed || (p[0] + p[1] * 5 + p[2] * 3) % 3 == 0) masked.set(p, field.at(p));
  }
  return masked;
}

TEST(MarchingCubes, PointsAwayFromTheSurfaceDoNotMatter) {
  for (const bool closed : {true, false}) {
    const Grid grid(33);
    const Field field = sample_dense(grid, sampler(testing::random_balls(4, 9, 0.1, 0.5)));
    const Field masked = blank_far_points(field, closed);
    EXPECT_LT(masked.evaluated(), grid.point_count() * 3 / 4);
    MarchingCubesOptions options;
    options.close_at_border = closed;
    const TriangleMesh full = marching_cubes(field, options);
    const TriangleMesh sparse = marching_cubes(masked, options);
    EXPECT_EQ(sparse.positions, full.positions);
    EXPECT_EQ(sparse.faces, full.faces);
  }
}

// NaN is outside, and faces that touch an edge with a NaN end are left out: the same as giving
// those points a value far below the level and dropping what then ends on them.
TEST(MarchingCubes, FacesBesideUnknownPointsAreDropped) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    const Grid grid(18, 9.0);  // unit spacing: positions are grid positions minus 9
    const Field noise = testing::noise_field(grid, seed, 0);
    Field known(grid), low(grid);
    std::mt19937_64 random(seed);
    for (const GridIndex& p : all_points(grid)) {
      const bool unknown = random() % 8 == 0;
      known.set(p, unknown ? kNan : noise.at(p));
      low.set(p, unknown ? -1e30f : noise.at(p));
    }
    const TriangleMesh found = marching_cubes(known);
    const TriangleMesh all = marching_cubes(low);
    const auto touches_unknown = [&](const Vec3& position) {
      // Edge vertices have two whole coordinates; extra vertices in cells have none.
      std::array<double, 3> at;
      int whole = 0;
      std::size_t along = 0;
      for (std::size_t x = 0; x < 3; ++x) {
        at[x] = static_cast<double>(position[x]) + 9;
        if (at[x] == std::round(at[x])) {
          ++whole;
        } else {
          along = x;
        }
      }
      if (whole < 2) return false;
      for (int end = 0; end < 2; ++end) {
        GridIndex p;
        for (std::size_t x = 0; x < 3; ++x) p[x] = static_cast<int>(std::floor(at[x]));
        p[along] += end;
        const bool in_grid =
            std::all_of(p.begin(), p.end(), [&](int x) { return x >= 0 && x <= 18; });
        if (in_grid && std::isnan(known.at(p))) return true;
      }
      return false;
    };
    std::vector<Triangle> expected, got;
    for (std::size_t f = 0; f < all.faces.size(); ++f) {
      const Triangle t = corners(all, f);
      bool extra = false;
      for (const Vec3& p : t) {
        int whole = 0;
        for (const float x : p) whole += x == std::round(x);
        extra = extra || whole < 2;
      }
      if (extra || touches_unknown(t[0]) || touches_unknown(t[1]) || touches_unknown(t[2]))
        continue;
      expected.push_back(t);
    }
    for (std::size_t f = 0; f < found.faces.size(); ++f) {
      const Triangle t = corners(found, f);
      for (const Vec3& p : t) EXPECT_FALSE(touches_unknown(p));
      bool extra = false;
      for (const Vec3& p : t) {
        int whole = 0;
        for (const float x : p) whole += x == std::round(x);
        extra = extra || whole < 2;
      }
      if (!extra) got.push_back(t);
    }
    EXPECT_EQ(got, expected);
    std::vector<bool> used(found.positions.size());
    for (const Face& f : found.faces) used[f[0]] = used[f[1]] = used[f[2]] = true;
    EXPECT_EQ(std::count(used.begin(), used.end(), false), 0);
  }
}

TEST(MarchingCubes, ResultDoesNotDependOnThreads) {
  const Grid grid(61);
  const Field field = sample_dense(grid, sampler(testing::random_waves(2, 20)));
  MarchingCubesOptions options;
  const TriangleMesh one = marching_cubes(field, options);
  for (const int threads : {2, 3, 7}) {
    options.threads = threads;
    const TriangleMesh many = marching_cubes(field, options);
    EXPECT_EQ(many.positions, one.positions);
    EXPECT_EQ(many.faces, one.faces);
  }
}

TEST(MarchingCubes, SmallestAndLargestGridsWork) {
  const auto ball = testing::clamped(testing::sphere(0.1, 0, 0, 0.7), 0.06);
  expect_manifold(marching_cubes(sample_dense(Grid(16), sampler(ball))));
  // 512: only a thin slab around the surface, brick by brick, to save time.
  const Grid grid(512);
  Field field(grid);
  for (int i = 0; i < grid.points(); ++i) {
    for (int j = 0; j < grid.points(); ++j) {
      const Vec3 p = grid.point({i, j, 256});
      const double r2 = 0.49 - std::pow(static_cast<double>(p[0]) - 0.1, 2) -
                        std::pow(static_cast<double>(p[1]), 2);
      if (r2 < -0.02) continue;
      for (const double side : {-1.0, 1.0}) {
        const int middle = 256 + static_cast<int>(side * std::sqrt(std::max(r2, 0.0)) / 2.02 * 512);
        for (int k = std::max(0, middle - 24); k <= std::min(512, middle + 24); ++k) {
          const Vec3 q = grid.point({i, j, k});
          field.set({i, j, k}, static_cast<float>(ball(q[0], q[1], q[2])));
        }
      }
    }
  }
  MarchingCubesOptions options;
  options.threads = 2;
  const TriangleMesh mesh = marching_cubes(field, options);
  EXPECT_TRUE(is_closed_and_oriented(mesh));
  EXPECT_NEAR(signed_volume(mesh), 4.0 / 3 * std::numbers::pi * 0.343, 1e-4);
}

TEST(MarchingCubes, BoxFarFromTheOriginKeepsFacesApart) {
  const Grid grid(64, {1000, 1000, 1000}, {1004, 1004, 1004});
  const Field field = sample_dense(grid, [](std::span<const Vec3> p, std::span<float> out) {
    for (std::size_t n = 0; n < p.size(); ++n) {
      // Zero at many grid points: crossings that want to sit on top of each other.
      out[n] = 24 - std::abs(std::round((p[n][0] - 1002) * 16)) -
               std::abs(std::round((p[n][1] - 1002) * 16)) -
               std::abs(std::round((p[n][2] - 1002) * 16));
    }
  });
  expect_manifold(marching_cubes(field));
}

void expect_error(const std::function<void()>& action, const std::string& part) {
  try {
    action();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
  }
}

TEST(MarchingCubes, NoSurfaceIsAnError) {
  const Field field = sample_dense(Grid(16), sampler([](double x, double, double) {
                                     return 0.25 * x - 0.5;  // -0.7525 .. -0.2475
                                   }));
  const auto extract = [&](float level) {
    MarchingCubesOptions options;
    options.level = level;
    return marching_cubes(field, options);
  };
  expect_error([&] { extract(0); },
               "[marching_cubes] the field never crosses the level 0: its values lie in "
               "-0.7525..-0.2475");
  expect_error([&] { extract(-1); }, "never crosses the level -1");
  expect_error([&] { extract(kNan); }, "level: expected a finite number");
  expect_error([] { marching_cubes(Field(Grid(16))); }, "nothing was evaluated");
  EXPECT_GT(extract(-0.5f).faces.size(), 0u);
}

TEST(Grid, PointsAreLinspaceInSinglePrecision) {
  const Grid grid(384);
  EXPECT_EQ(grid.point({0, 384, 192}), (Vec3{-1.01f, 1.01f, 0.0f}));
  for (int i = 0; i <= 384; ++i) {
    EXPECT_EQ(grid.point({i, 0, 0})[0],
              i == 384 ? 1.01f : static_cast<float>(i * (2.02 / 384) + -1.01));
  }
  expect_error([] { Grid(15); }, "octree resolution: expected 16..512, got 15");
  expect_error([] { Grid(513); }, "got 513");
  expect_error([] { Grid(16, -1); }, "box: expected finite bounds");
  expect_error([] { Grid(16, std::numeric_limits<double>::infinity()); }, "box");
  expect_error([] { Grid(16, std::numeric_limits<double>::quiet_NaN()); }, "box");
  expect_error([] { Grid(512, {1e9, 0, 0}, {1e9 + 1, 1, 1}); }, "on axis 0");
}

TEST(SampleDense, EvaluatesEveryPointOnceInChunks) {
  const Grid grid(21, 0.7);
  std::vector<int> seen(static_cast<std::size_t>(grid.point_count()));
  std::size_t largest = 0;
  DenseOptions options;
  options.chunk = 1000;
  double fraction = 0;
  options.progress = [&](double f) {
    EXPECT_GE(f, fraction);
    fraction = f;
  };
  SampleStats stats;
  const auto value = [](const Vec3& p) { return p[0] + 2 * p[1] - 3 * p[2]; };
  const Field field = sample_dense(
      grid,
      [&](std::span<const Vec3> points, std::span<float> logits) {
        largest = std::max(largest, points.size());
        for (std::size_t n = 0; n < points.size(); ++n) logits[n] = value(points[n]);
      },
      options,
      &stats);
  EXPECT_EQ(largest, 1000u);
  EXPECT_EQ(stats.queries, 22 * 22 * 22);
  EXPECT_EQ(field.evaluated(), 22 * 22 * 22);
  EXPECT_EQ(fraction, 1);
  ValueRange range;
  for (const GridIndex& p : all_points(grid)) {
    ASSERT_EQ(field.at(p), value(grid.point(p)));
    range.include(field.at(p));
  }
  EXPECT_EQ(field.range().min, range.min);
  EXPECT_EQ(field.range().max, range.max);
}

TEST(SampleDense, ValuesThatAreNotFiniteAreAnError) {
  for (const float bad : {kNan, std::numeric_limits<float>::infinity()}) {
    try {
      sample_dense(Grid(16), [&](std::span<const Vec3>, std::span<float> logits) {
        std::fill(logits.begin(), logits.end(), 0.5f);
        logits[logits.size() / 2] = bad;
      });
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::internal);
    }
  }
  // A sampler that forgets points.
  EXPECT_THROW(sample_dense(Grid(16), [](std::span<const Vec3>, std::span<float>) {}), Error);
}

}  // namespace
}  // namespace sinter::mesh
