// FlashVDM's levels, groups and points against the rules spelt out on dense arrays; soundness of
// what marching cubes makes of the result.

#include "mesh/sample_flashvdm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <set>

#include "mesh/fields.h"
#include "mesh/marching_cubes.h"
#include "mesh/sample_dense.h"
#include "mesh/soundness.h"
#include "sinter/error.h"

namespace sinter::mesh {
namespace {

using testing::clamped;
using testing::sampler;

/// Answers each point by itself, whatever its group.
GroupSampler plain(FieldSampler field) {
  return [field = std::move(field)](GroupStage, std::span<const PointGroup> groups) {
    for (const PointGroup& group : groups) field(group.points, group.logits);
  };
}

testing::Function random_solid(std::uint64_t seed) {
  std::mt19937_64 random(seed * 31 + 5);
  const double truncation = testing::uniform(random, 0.05, 0.3);
  switch (seed % 3) {
    case 0:
      return clamped(testing::random_balls(seed, 1 + static_cast<int>(seed % 7), 0.1, 0.6),
                     truncation);
    case 1:
      return clamped(testing::random_sheet(seed, testing::uniform(random, 0.02, 0.15)), truncation);
    default:
      return clamped(testing::random_waves(seed, testing::uniform(random, 3, 12)), truncation);
  }
}

TEST(FlashVdmLevels, UpstreamsTable) {
  const std::vector<std::pair<int, std::vector<int>>> table = {{100, {99}},
                                                               {128, {63, 126}},
                                                               {196, {95, 190}},
                                                               {256, {63, 126, 252}},
                                                               {380, {95, 190, 380}},
                                                               {384, {95, 190, 380}},
                                                               {512, {63, 126, 252, 504}}};
  for (const auto& [requested, levels] : table) {
    EXPECT_EQ(flashvdm_levels(requested, FlashVdmLevels::upstream), levels) << requested;
  }
}

TEST(FlashVdmLevels, OwnEndAtTheRequest) {
  for (int n = Grid::kMinResolution; n <= Grid::kMaxResolution; ++n) {
    const auto levels = flashvdm_levels(n, FlashVdmLevels::own);
    EXPECT_EQ(levels.back(), n);
    // As many levels as upstream has, each with half the cells of the next.
    EXPECT_EQ(levels.size(), flashvdm_levels(n, FlashVdmLevels::upstream).size());
    for (std::size_t i = 1; i < levels.size(); ++i) {
      EXPECT_EQ(levels[i - 1], (levels[i] + 1) / 2);
    }
  }
  EXPECT_EQ(flashvdm_levels(384, FlashVdmLevels::own), (std::vector<int>{96, 192, 384}));
}

// ---- the rules, plainly ----

struct DenseLevel {
  int points;
  std::vector<float> value;  // NaN where not evaluated

  std::size_t at(int i, int j, int k) const {
    return static_cast<std::size_t>((i * points + j) * points + k);
  }
};

template <class Visit>
void for_points(int points, Visit visit) {
  for (int i = 0; i < points; ++i) {
    for (int j = 0; j < points; ++j) {
      for (int k = 0; k < points; ++k) visit(i, j, k);
    }
  }
}

using Marks = std::vector<char>;

Marks dilated(const Marks& marks, int points) {
  Marks result(marks.size());
  const auto at = [&](int i, int j, int k) {
    return static_cast<std::size_t>((i * points + j) * points + k);
  };
  for_points(points, [&](int i, int j, int k) {
    for (int n = 0; n < 27; ++n) {
      const int a = i + n / 9 - 1, b = j + n / 3 % 3 - 1, c = k + n % 3 - 1;
      if (std::min({a, b, c}) < 0 || std::max({a, b, c}) >= points) continue;
      if (marks[at(a, b, c)] != 0) result[at(i, j, k)] = 1;
    }
  });
  return result;
}

Marks near_surface(const DenseLevel& level) {
  Marks marks(level.value.size());
  const auto sign = [](float v) { return (v > 0) - (v < 0); };
  for_points(level.points, [&](int i, int j, int k) {
    const float v = level.value[level.at(i, j, k)];
    if (std::isnan(v)) return;
    bool marked = std::abs(v) < 0.95f;
    const std::array<std::array<int, 3>, 6> around = {
        {{i - 1, j, k}, {i + 1, j, k}, {i, j - 1, k}, {i, j + 1, k}, {i, j, k - 1}, {i, j, k + 1}}};
    for (auto [a, b, c] : around) {
      a = std::clamp(a, 0, level.points - 1);
      b = std::clamp(b, 0, level.points - 1);
      c = std::clamp(c, 0, level.points - 1);
      const float other = level.value[level.at(a, b, c)];
      if (!std::isnan(other) && sign(other) != sign(v)) marked = true;
    }
    marks[level.at(i, j, k)] = marked ? 1 : 0;
  });
  return marks;
}

/// All levels by the rules; values of the last one.
DenseLevel by_the_rules(const Grid& grid, const std::vector<int>& levels, const Field& dense) {
  const int n = grid.resolution();
  DenseLevel now;
  for (std::size_t depth = 0; depth < levels.size(); ++depth) {
    const int stride = 1 << (levels.size() - 1 - depth);
    const auto value_at = [&](int i, int j, int k) {
      return dense.at({std::min(i * stride, n), std::min(j * stride, n), std::min(k * stride, n)});
    };
    DenseLevel next{levels[depth] + 1, {}};
    const auto points = static_cast<std::size_t>(next.points);
    next.value.assign(points * points * points, std::nanf(""));
    Marks marks(next.value.size(), depth == 0 ? 1 : 0);
    if (depth > 0) {
      const bool last = depth + 1 == levels.size();
      Marks near = near_surface(now);
      if (!last) near = dilated(near, now.points);
      for_points(now.points, [&](int i, int j, int k) {
        if (near[now.at(i, j, k)] == 0) return;
        const int m = levels[depth];
        marks[next.at(std::min(2 * i, m), std::min(2 * j, m), std::min(2 * k, m))] = 1;
      });
      marks = dilated(marks, next.points);
      if (last) marks = dilated(marks, next.points);
    }
    for_points(next.points, [&](int i, int j, int k) {
      if (marks[next.at(i, j, k)] != 0) next.value[next.at(i, j, k)] = value_at(i, j, k);
    });
    now = std::move(next);
  }
  return now;
}

TEST(SampleFlashVdm, EvaluatesThePointsOfTheRules) {
  std::int64_t evaluated = 0, skipped = 0;
  for (std::uint64_t seed = 0; seed < 9; ++seed) {
    for (const auto mode : {FlashVdmLevels::own, FlashVdmLevels::upstream}) {
      SCOPED_TRACE(seed);
      const Grid requested(40 + static_cast<int>(seed * 7 % 33));
      FlashVdmOptions options;
      options.levels = mode;
      options.min_resolution = 8 + static_cast<int>(seed % 9);
      options.follow_surface = false;
      const auto levels = flashvdm_levels(requested.resolution(), mode, options.min_resolution);
      ASSERT_GE(levels.size(), 2u);
      const Grid grid(levels.back());
      const Field dense = sample_dense(grid, sampler(random_solid(seed)));
      const DenseLevel expected = by_the_rules(grid, levels, dense);
      SampleStats stats;
      const Field field =
          sample_flashvdm(requested, plain(sampler(random_solid(seed))), options, &stats);
      ASSERT_EQ(field.grid().resolution(), levels.back());
      for_points(grid.points(), [&](int i, int j, int k) {
        const float want = expected.value[expected.at(i, j, k)], got = field.at({i, j, k});
        ++(std::isnan(want) ? skipped : evaluated);
        if (std::isnan(want) != std::isnan(got) || (!std::isnan(want) && want != got)) {
          ADD_FAILURE() << i << " " << j << " " << k << ": expected " << want << ", got " << got;
        }
      });
      EXPECT_EQ(field.evaluated(), stats.levels.back().queries);
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(evaluated, 100000);
  EXPECT_GT(skipped, 100000);
}

TEST(SampleFlashVdm, GroupsAreBricksAndBinsAndCarryTheirSample) {
  const Grid grid(75);
  FlashVdmOptions options;
  options.min_resolution = 16;
  options.brick_sample = 7;
  options.bin_sample = 5;
  options.call_points = 900;
  options.follow_surface = false;
  std::size_t bricks = 0, bins = 0, shared_calls = 0;
  const auto field = sampler(random_solid(3));
  const auto check = [&](GroupStage stage, std::span<const PointGroup> groups) {
    std::size_t points = 0;
    for (const PointGroup& group : groups) {
      points += group.points.size();
      const std::size_t every = stage == GroupStage::brick ? 7 : 5;
      ASSERT_EQ(group.sample.size(), (group.points.size() + every - 1) / every);
      for (std::size_t n = 0; n < group.sample.size(); ++n) {
        EXPECT_EQ(group.sample[n], group.points[n * every]);
      }
      // Compact in space: a part of the box, or of the points' bounding box.
      for (std::size_t axis = 0; axis < 3; ++axis) {
        float low = 9, high = -9;
        for (const Vec3& p : group.points) {
          low = std::min(low, p[axis]);
          high = std::max(high, p[axis]);
        }
        EXPECT_LE(high - low, 2.02f / (stage == GroupStage::brick ? 4 : 6) + 1e-6f);
      }
      field(group.points, group.logits);
    }
    EXPECT_TRUE(points < 900 || groups.size() == 1);
    (stage == GroupStage::brick ? bricks : bins) += groups.size();
    shared_calls += groups.size() > 1;
  };
  sample_flashvdm(grid, check, options);
  EXPECT_EQ(bricks, 64u);
  EXPECT_GT(bins, 100u);
  EXPECT_LE(bins, 2 * 216u);  // two levels follow the first
  EXPECT_GT(shared_calls, 3u);
}

TEST(SampleFlashVdm, EqualsDenseWhereGroupsDoNotMatter) {
  for (const int n : {128, 131, 160}) {
    const auto function = clamped(testing::random_balls(5, 6, 0.2, 0.5), 0.06);
    const Grid grid(n);
    const TriangleMesh expected = marching_cubes(sample_dense(grid, sampler(function)));
    SampleStats stats;
    FlashVdmOptions options;
    options.threads = 2;
    const Field sparse = sample_flashvdm(grid, plain(sampler(function)), options, &stats);
    const TriangleMesh found = marching_cubes(sparse);
    EXPECT_EQ(found.positions, expected.positions);
    EXPECT_EQ(found.faces, expected.faces);
    EXPECT_LT(stats.share(), 0.5);
  }
}

TEST(SampleFlashVdm, CallSizeAndThreadsDoNotMatter) {
  // Every group has values of its own.
  const auto by_group = [](GroupStage, std::span<const PointGroup> groups) {
    const auto solid = random_solid(0);
    for (const PointGroup& group : groups) {
      double shift = static_cast<double>(group.sample.size());
      for (const Vec3& p : group.sample) shift += 17 * double{p[0]} + 5 * double{p[1] * p[2]};
      for (std::size_t n = 0; n < group.points.size(); ++n) {
        const Vec3& p = group.points[n];
        group.logits[n] = static_cast<float>(solid(p[0], p[1], p[2]) + 0.05 * std::sin(shift));
      }
    }
  };
  const Grid grid(70);
  FlashVdmOptions options;
  options.min_resolution = 16;
  const Field first = sample_flashvdm(grid, by_group, options);
  for (const auto& [call, threads] : {std::pair{1, 1}, {300, 2}, {1 << 20, 5}}) {
    options.call_points = call;
    options.threads = threads;
    double fraction = 0;
    options.progress = [&](double f) {
      EXPECT_GE(f, fraction);
      EXPECT_LE(f, 1);
      fraction = f;
    };
    SampleStats stats;
    const Field field = sample_flashvdm(grid, by_group, options, &stats);
    EXPECT_EQ(fraction, 1);
    std::int64_t queries = stats.following_queries;
    for (const SampleLevel& level : stats.levels) queries += level.queries;
    EXPECT_EQ(queries, stats.queries);
    for_points(grid.points(), [&](int i, int j, int k) {
      const GridIndex p = {i, j, k};
      ASSERT_EQ(std::bit_cast<std::uint32_t>(field.at(p)),
                std::bit_cast<std::uint32_t>(first.at(p)));
    });
  }
}

/// A sampler whose answers jump from group to group, and that loses whole pieces on some levels:
/// what a bad choice of keys can do at worst.
GroupSampler unreliable(std::uint64_t seed, testing::Function solid, double noise) {
  return [=](GroupStage stage, std::span<const PointGroup> groups) {
    for (const PointGroup& group : groups) {
      std::uint64_t hash = seed * 977 + (stage == GroupStage::bin ? 1u : 0u);
      for (const float x : group.sample[0]) {
        hash = hash * 1099511628211u + std::bit_cast<std::uint32_t>(x);
      }
      std::mt19937_64 random(hash);
      const double shift = testing::uniform(random, -noise, noise);
      const bool lost = testing::uniform(random, 0, 1) < noise / 4;
      for (std::size_t n = 0; n < group.points.size(); ++n) {
        const Vec3& p = group.points[n];
        const double value = solid(p[0], p[1], p[2]);
        group.logits[n] = static_cast<float>(lost ? -1 : value + shift);
      }
    }
  };
}

// The promise: no cell with values on both sides lacks one, so the surface is closed, whatever the
// sampler does; at the border of the box too.
TEST(SampleFlashVdm, SurfacesAreSoundWhateverTheSamplerDoes) {
  int meshes = 0, followed = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    const Grid grid(33 + static_cast<int>(seed * 11 % 31));
    FlashVdmOptions options;
    options.min_resolution = 8 + static_cast<int>(seed % 5);
    options.levels = seed % 2 == 0 ? FlashVdmLevels::own : FlashVdmLevels::upstream;
    options.level = seed % 3 == 0 ? 0.2f : 0.0f;
    const auto solid = random_solid(seed);
    const double noise = 0.05 + 0.1 * static_cast<double>(seed % 10);
    SampleStats stats;
    const Field field = sample_flashvdm(grid, unreliable(seed, solid, noise), options, &stats);
    followed += stats.following_rounds > 0;
    if (field.range().max <= options.level || field.range().min > options.level) continue;
    MarchingCubesOptions surface;
    surface.level = options.level;
    const TriangleMesh mesh = marching_cubes(field, surface);
    EXPECT_TRUE(testing::is_closed_and_oriented(mesh));
    EXPECT_TRUE(testing::has_single_fans(mesh));
    meshes += !mesh.faces.empty();
  }
  EXPECT_GT(meshes, 20);
  EXPECT_GT(followed, 8);  // else nothing was tested
}

TEST(SampleFlashVdm, ErrorsAreThoseOfTheOtherSamplers) {
  const auto function = sampler(testing::sphere(0, 0, 0, 0.5));
  FlashVdmOptions options;
  options.bin_sample = 0;
  EXPECT_THROW(sample_flashvdm(Grid(32), plain(function), options), Error);
  const auto silent = [](GroupStage, std::span<const PointGroup>) {};
  EXPECT_THROW(sample_flashvdm(Grid(32), silent), Error);  // values left out
  // Upstream's first level of 16 cells has 15, fewer than a grid may have.
  options = {};
  options.levels = FlashVdmLevels::upstream;
  EXPECT_THROW(sample_flashvdm(Grid(16), plain(function), options), Error);
  int calls = 0;
  options = {};
  options.progress = [&](double) {
    if (++calls == 3) throw Error(ErrorCode::cancelled, "cancelled");
  };
  EXPECT_THROW(sample_flashvdm(Grid(128), plain(function), options), Error);
  EXPECT_EQ(calls, 3);
}

TEST(SampleFlashVdm, FieldWithoutSurfaceStillHasARange) {
  const auto outside = plain(sampler([](double x, double, double) { return x - 3; }));
  const Field field = sample_flashvdm(Grid(128), outside);
  EXPECT_NEAR(field.range().min, -4.01, 1e-5);
  EXPECT_NEAR(field.range().max, -1.99, 1e-5);
  EXPECT_THROW(marching_cubes(field), Error);
}

}  // namespace
}  // namespace sinter::mesh
