// FlashVDM sampling on the device against the CPU's: the same calls, group by group, the same
// field.

#include "mesh/cuda/sample_flashvdm.h"

#include <gtest/gtest.h>

#include "mesh/cuda/device_test.h"

namespace sinter::mesh::cuda {
namespace {

using testing::clamped;

/// What a sampler was asked: everything but the answers.
struct Call {
  GroupStage stage;
  std::vector<std::vector<Vec3>> samples, points;
  bool operator==(const Call&) const = default;
};

std::vector<Vec3> download(const float* points, std::int64_t count, cudaStream_t stream) {
  std::vector<Vec3> host(static_cast<std::size_t>(count));
  sinter::cuda::check(
      cudaMemcpyAsync(
          host.data(), points, host.size() * sizeof(Vec3), cudaMemcpyDeviceToHost, stream),
      "test");
  sinter::cuda::check(cudaStreamSynchronize(stream), "test");
  return host;
}

/// Answers on the host, and keeps what it was asked.
DeviceGroupSampler on_device(const GroupSampler& answer, std::vector<Call>& calls) {
  return [&calls, answer](
             GroupStage stage, std::span<const DevicePointGroup> groups, cudaStream_t stream) {
    Call call{stage, {}, {}};
    for (const DevicePointGroup& group : groups) {
      call.samples.push_back(download(group.sample, group.sample_count, stream));
      call.points.push_back(download(group.points, group.count, stream));
      std::vector<float> logits(call.points.back().size());
      const PointGroup host{call.samples.back(), call.points.back(), logits};
      answer(stage, {&host, 1});
      sinter::cuda::check(cudaMemcpyAsync(group.logits,
                                          logits.data(),
                                          logits.size() * sizeof(float),
                                          cudaMemcpyHostToDevice,
                                          stream),
                          "test");
      sinter::cuda::check(cudaStreamSynchronize(stream), "test");
    }
    calls.push_back(std::move(call));
  };
}

GroupSampler recording(const GroupSampler& answer, std::vector<Call>& calls) {
  return [&calls, answer](GroupStage stage, std::span<const PointGroup> groups) {
    Call call{stage, {}, {}};
    for (const PointGroup& group : groups) {
      call.samples.emplace_back(group.sample.begin(), group.sample.end());
      call.points.emplace_back(group.points.begin(), group.points.end());
    }
    calls.push_back(std::move(call));
    answer(stage, groups);
  };
}

/// Values that differ from group to group by up to `spread`, so that groups contradict each other.
GroupSampler sampler(testing::Function f, double spread) {
  return [f = std::move(f), spread](GroupStage stage, std::span<const PointGroup> groups) {
    for (const PointGroup& group : groups) {
      std::uint64_t h = static_cast<std::uint64_t>(stage) + 1;
      for (const Vec3& p : group.sample) {
        for (const float x : p) {
          h = (h ^ std::bit_cast<std::uint32_t>(x)) * 0x9e3779b97f4a7c15u;
        }
      }
      const double shift = spread * (static_cast<double>(h >> 40) * 0x1p-23 - 1);
      for (std::size_t n = 0; n < group.points.size(); ++n) {
        const Vec3& p = group.points[n];
        group.logits[n] = static_cast<float>(f(p[0], p[1], p[2]) + shift);
      }
    }
  };
}

class CudaSampleFlashVdm : public testing::DeviceTest {
 protected:
  void expect_same(const Grid& grid, const GroupSampler& field, const FlashVdmOptions& options) {
    std::vector<Call> calls, expected_calls;
    SampleStats stats, expected_stats;
    const Field expected =
        mesh::sample_flashvdm(grid, recording(field, expected_calls), options, &expected_stats);
    const DeviceField found =
        sample_flashvdm(grid, on_device(field, calls), options, *arena_, stream_, &stats);
    ASSERT_EQ(calls.size(), expected_calls.size());
    for (std::size_t n = 0; n < calls.size(); ++n) {
      ASSERT_TRUE(calls[n] == expected_calls[n]) << "call " << n;
    }
    std::vector<float> values;
    const int side = expected.grid().points();
    ASSERT_EQ(found.grid().points(), side);
    for (int i = 0; i < side; ++i) {
      for (int j = 0; j < side; ++j) {
        for (int k = 0; k < side; ++k) values.push_back(expected.at({i, j, k}));
      }
    }
    EXPECT_EQ(testing::first_difference(found.download(stream_), values), -1);
    EXPECT_EQ(found.range().min, expected.range().min);
    EXPECT_EQ(found.range().max, expected.range().max);
    EXPECT_EQ(stats.queries, expected_stats.queries);
    EXPECT_EQ(stats.following_rounds, expected_stats.following_rounds);
    EXPECT_EQ(stats.following_queries, expected_stats.following_queries);
    ASSERT_EQ(stats.levels.size(), expected_stats.levels.size());
    for (std::size_t n = 0; n < stats.levels.size(); ++n) {
      EXPECT_EQ(stats.levels[n].stride, expected_stats.levels[n].stride);
      EXPECT_EQ(stats.levels[n].queries, expected_stats.levels[n].queries);
    }
    rounds_ += stats.following_rounds;
    calls_ += static_cast<int>(calls.size());
  }

  int rounds_ = 0, calls_ = 0;
};

TEST_F(CudaSampleFlashVdm, MakesTheSameCalls) {
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    SCOPED_TRACE(seed);
    const int resolution = 19 + static_cast<int>(seed * 13 % 60);
    const Grid grid = seed % 5 == 0 ? Grid(resolution, {-1, -0.8, -0.5}, {1, 0.9, 0.7})
                                    : Grid(resolution, seed % 5 == 1 ? 0.5 : 1.01);
    FlashVdmOptions options;
    options.level = std::array{0.0f, 0.2f, -0.1f}[seed % 3];
    options.levels = seed % 4 == 3 ? FlashVdmLevels::upstream : FlashVdmLevels::own;
    options.min_resolution = std::array{63, 12, 7}[seed % 3];
    options.call_points = seed % 2 == 0 ? 8000 : 300;
    options.brick_sample = seed % 2 == 0 ? 100 : 7;
    options.bin_sample = seed % 2 == 0 ? 50 : 30;
    options.near = seed % 6 == 0 ? 0.3f : 0.95f;
    options.follow_surface = seed % 7 != 6;
    options.threads = 4;
    expect_same(grid,
                sampler(testing::random_field(seed).function, std::array{0.0, 0.1, 0.6}[seed % 3]),
                options);
    if (HasFailure()) return;
  }
  EXPECT_GT(rounds_, 5);
  EXPECT_GT(calls_, 500);
}

TEST_F(CudaSampleFlashVdm, ThreeLevelsMakeTheSameCalls) {
  const auto field = clamped(testing::random_balls(5, 9, 0.1, 0.5), 0.08);
  for (const int resolution : {252, 256}) {
    expect_same(Grid(resolution), sampler(field, 0.05), {.threads = 4});
  }
}

TEST_F(CudaSampleFlashVdm, ErrorsAreTheSame) {
  std::vector<Call> calls;
  const auto ask = [&](const FlashVdmOptions& options, const testing::Function& f) {
    return testing::error_of([&] {
      sample_flashvdm(Grid(40), on_device(sampler(f, 0), calls), options, *arena_, stream_);
    });
  };
  const auto ball = testing::sphere(0.1, 0, 0, 0.6);
  EXPECT_EQ(ask({.near = -1}, ball), "[sample_flashvdm] near: expected 0 or more, got -1");
  EXPECT_EQ(ask({.progress = [](double) { fail(ErrorCode::cancelled, "stop"); }}, ball), "stop");
  EXPECT_EQ(ask({.poll = [] { fail(ErrorCode::cancelled, "stop"); }}, ball), "stop");
  const std::string message = ask({}, [&](double x, double y, double z) {
    return x > 0.69 && x < 0.71 ? std::nan("") : ball(x, y, z);
  });
  EXPECT_EQ(message.substr(0, 20), "[field] value at (0.");
  // Nothing near any surface.
  EXPECT_EQ(ask({.min_resolution = 10}, [](double, double, double) { return -1; }), "");
}

}  // namespace
}  // namespace sinter::mesh::cuda
