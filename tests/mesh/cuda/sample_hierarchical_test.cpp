// Hierarchical sampling on the device against the CPU's: the same points asked for, the same field.

#include "mesh/cuda/sample_hierarchical.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mesh/cuda/device_test.h"
#include "mesh/cuda/marching_cubes.h"
#include "mesh/sample_dense.h"

namespace sinter::mesh::cuda {
namespace {

using testing::clamped;
using testing::device_sampler;
using testing::sampler;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Values of every point, as the device keeps them.
std::vector<float> values_of(const Field& field) {
  std::vector<float> values;
  const int side = field.grid().points();
  for (int i = 0; i < side; ++i) {
    for (int j = 0; j < side; ++j) {
      for (int k = 0; k < side; ++k) values.push_back(field.at({i, j, k}));
    }
  }
  return values;
}

/// Answers, and remembers what it was asked for.
FieldSampler recording(const FieldSampler& answer, std::vector<Vec3>& asked) {
  return [&asked, answer](std::span<const Vec3> points, std::span<float> logits) {
    asked.insert(asked.end(), points.begin(), points.end());
    answer(points, logits);
  };
}

class CudaSampleHierarchical : public testing::DeviceTest {
 protected:
  void expect_same(const Grid& grid, const FieldSampler& field, HierarchicalOptions options) {
    std::vector<Vec3> asked, expected_asked;
    SampleStats stats, expected_stats;
    options.threads = 4;
    const Field expected =
        mesh::sample_hierarchical(grid, recording(field, expected_asked), options, &expected_stats);
    const DeviceField found = sample_hierarchical(
        grid, device_sampler(recording(field, asked)), options, *arena_, stream_, &stats);
    std::sort(asked.begin(), asked.end());
    std::sort(expected_asked.begin(), expected_asked.end());
    EXPECT_EQ(asked.size(), expected_asked.size());
    EXPECT_TRUE(asked == expected_asked) << "asked for other points";
    EXPECT_EQ(testing::first_difference(found.download(stream_), values_of(expected)), -1);
    EXPECT_EQ(found.range().min, expected.range().min);
    EXPECT_EQ(found.range().max, expected.range().max);
    EXPECT_EQ(stats.queries, expected_stats.queries);
    EXPECT_EQ(stats.grid_points, expected_stats.grid_points);
    EXPECT_EQ(stats.passes, expected_stats.passes);
    EXPECT_EQ(stats.following_rounds, expected_stats.following_rounds);
    EXPECT_EQ(stats.following_queries, expected_stats.following_queries);
    EXPECT_EQ(stats.slope, expected_stats.slope);
    ASSERT_EQ(stats.levels.size(), expected_stats.levels.size());
    for (std::size_t n = 0; n < stats.levels.size(); ++n) {
      EXPECT_EQ(stats.levels[n].stride, expected_stats.levels[n].stride);
      EXPECT_EQ(stats.levels[n].queries, expected_stats.levels[n].queries);
    }
    queries_ += stats.queries;
    points_ += stats.grid_points;
    rounds_ += stats.following_rounds;
    most_passes_ = std::max(most_passes_, stats.passes);
  }

  std::int64_t queries_ = 0, points_ = 0;
  int rounds_ = 0, most_passes_ = 0;
};

TEST_F(CudaSampleHierarchical, DefaultsAskForTheSamePoints) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const Grid grid(16 + static_cast<int>(seed * 17 % 114));
    HierarchicalOptions options;
    options.level = seed % 3 == 0 ? 0.1f : 0.0f;
    options.chunk = 10000;
    expect_same(grid, sampler(testing::random_field(seed).function), options);
    if (HasFailure()) return;
  }
  EXPECT_LT(queries_, points_ * 3 / 4);
  EXPECT_GE(most_passes_, 2);
}

TEST_F(CudaSampleHierarchical, EveryOptionAsksForTheSamePoints) {
  for (std::uint64_t seed = 0; seed < 48; ++seed) {
    SCOPED_TRACE(seed);
    const testing::RandomField field = testing::random_field(seed + 100);
    const int resolution = 16 + static_cast<int>(seed * 13 % 50);
    const Grid grid = seed % 5 == 0 ? Grid(resolution, {-1, -0.8, -0.5}, {1, 0.9, 0.7})
                                    : Grid(resolution, seed % 5 == 1 ? 0.5 : 1.01);
    HierarchicalOptions options;
    options.level = std::array{0.3f, 0.0f, -0.2f}[seed % 3];
    options.slope = seed % 2 == 0 ? field.slope : 0;
    options.saturation = seed % 4 < 2 ? 0.95f : kInfinity;
    options.coarse_stride = std::array{8, 4, 2, 1, 0}[seed % 5];
    options.follow_surface = seed % 7 < 4;
    options.slope_quantile = std::array{0.9, 1.0, 0.3}[seed / 3 % 3];
    options.slope_safety = seed % 6 == 0 ? 2 : 1.25;
    options.chunk = 3000;
    expect_same(grid, sampler(field.function), options);
    if (HasFailure()) return;
  }
}

// Long thin pieces that only following finds, round after round.
TEST_F(CudaSampleHierarchical, FollowsAsTheCpuDoes) {
  const Grid grid(96);
  HierarchicalOptions options;
  options.slope = 1e-3;  // far too small
  options.coarse_stride = 8;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    SCOPED_TRACE(seed);
    expect_same(grid, sampler(clamped(testing::random_sheet(seed, 0.03), 0.03)), options);
  }
  EXPECT_GT(rounds_, 20);
}

TEST_F(CudaSampleHierarchical, FullSizeAsksForTheSamePointsAndGivesTheDenseMesh) {
  const Grid grid(384);
  const auto field = clamped(
      [](double x, double y, double z) {
        return 0.7 + 0.1 * std::sin(9 * x) * std::sin(8 * y + 1) - testing::norm(x, y, z);
      },
      0.06);
  expect_same(grid, sampler(field), {.chunk = 1 << 20});
  if (HasFailure()) return;
  const DeviceField sparse = sample_hierarchical(
      grid, device_sampler(sampler(field)), {.chunk = 1 << 20}, *arena_, stream_);
  // What the accelerator reports holds the field.
  EXPECT_GE(memory_->peak_bytes(), sizeof(float) * 385 * 385 * 385);
  DeviceField dense(grid, &*memory_, stream_);
  dense.upload(testing::values_of(grid, field), stream_);
  const MarchingCubes marching_cubes;
  testing::expect_same_mesh(download(marching_cubes.run(sparse, {}, *arena_, stream_)),
                            download(marching_cubes.run(dense, {}, *arena_, stream_)));
}

TEST_F(CudaSampleHierarchical, ErrorsAreTheSame) {
  const auto ask = [&](const HierarchicalOptions& options, const testing::Function& f) {
    return testing::error_of([&] {
      sample_hierarchical(Grid(40), device_sampler(sampler(f)), options, *arena_, stream_);
    });
  };
  const auto ball = testing::sphere(0.1, 0, 0, 0.6);
  EXPECT_EQ(ask({.slope_safety = 0.5}, ball),
            "[sample_hierarchical] slope_safety: expected 1 or more, got 0.5");
  EXPECT_EQ(ask({.chunk = 0}, ball), "[field] chunk: expected 1 or more points, got 0");
  EXPECT_EQ(ask({.poll = [] { fail(ErrorCode::cancelled, "stop"); }}, ball), "stop");
  const std::string message = ask({}, [&](double x, double y, double z) {
    return x > 0.69 && x < 0.71 && y > 0 && z > 0 ? std::nan("") : ball(x, y, z);
  });
  EXPECT_EQ(message.substr(0, 20), "[field] value at (0.");
}

}  // namespace
}  // namespace sinter::mesh::cuda
