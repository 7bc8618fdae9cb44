#include "mesh/cuda/sample_dense.h"

#include <gtest/gtest.h>

#include "mesh/cuda/device_test.h"
#include "mesh/sample_dense.h"

namespace sinter::mesh::cuda {
namespace {

using testing::device_sampler;
using testing::sampler;

class CudaSampleDense : public testing::DeviceTest {};

// A sampler that sees the bits of its points: any other coordinate gives another value.
TEST_F(CudaSampleDense, AsksAtTheSamePointsForTheSameValues) {
  const FieldSampler hash = [](std::span<const Vec3> points, std::span<float> logits) {
    for (std::size_t n = 0; n < points.size(); ++n) {
      std::uint64_t h = 1;
      for (const float x : points[n])
        h = (h ^ std::bit_cast<std::uint32_t>(x)) * 0x9e3779b97f4a7c15u;
      logits[n] = static_cast<float>(h >> 40) - 8e6f;
    }
  };
  for (const int resolution : {16, 29, 64, 129}) {
    SCOPED_TRACE(resolution);
    const Grid grid =
        resolution % 2 == 0 ? Grid(resolution) : Grid(resolution, {-1, -0.8, -0.5}, {1, 0.9, 0.7});
    SampleStats stats, expected_stats;
    double progress = 0;
    const DeviceField found = sample_dense(grid,
                                           device_sampler(hash),
                                           {.chunk = 5000,
                                            .progress =
                                                [&](double now) {
                                                  EXPECT_GE(now, progress);
                                                  progress = now;
                                                }},
                                           *arena_,
                                           stream_,
                                           &stats);
    const Field expected = mesh::sample_dense(grid, hash, {}, &expected_stats);
    EXPECT_EQ(progress, 1);
    EXPECT_EQ(stats.queries, expected_stats.queries);
    EXPECT_EQ(found.range().min, expected.range().min);
    EXPECT_EQ(found.range().max, expected.range().max);
    const std::vector<float> values = found.download(stream_);
    std::size_t next = 0;
    for (int i = 0; i < grid.points(); ++i) {
      for (int j = 0; j < grid.points(); ++j) {
        for (int k = 0; k < grid.points(); ++k, ++next) {
          ASSERT_EQ(values[next], expected.at({i, j, k}));
        }
      }
    }
  }
}

TEST_F(CudaSampleDense, ValueThatIsNotFiniteIsTheSameError) {
  const FieldSampler broken = [](std::span<const Vec3> points, std::span<float> logits) {
    for (std::size_t n = 0; n < points.size(); ++n) {
      const bool there = points[n][0] > 0.5f && points[n][1] > 0.9f && points[n][2] < 0;
      logits[n] = there ? -std::numeric_limits<float>::infinity() : points[n][0];
    }
  };
  const Grid grid(20);
  const auto ask = [&](const DeviceSampler& some) {
    return testing::error_of([&] { sample_dense(grid, some, {.chunk = 700}, *arena_, stream_); });
  };
  // The host asks brick by brick and may name another point.
  EXPECT_EQ(ask(device_sampler(broken)).substr(0, 17), "[field] value at ");
  EXPECT_NE(ask(device_sampler(broken)).find("expected a finite number, got -inf"),
            std::string::npos);
  // A sampler that leaves values out.
  EXPECT_NE(ask([](const float*, std::int64_t, float*, cudaStream_t) {}).find("got "),
            std::string::npos);
}

TEST_F(CudaSampleDense, StopsWhereProgressThrows) {
  int calls = 0;
  const auto field = device_sampler(sampler(testing::sphere(0, 0, 0, 0.5)));
  EXPECT_EQ(testing::error_of([&] {
              sample_dense(Grid(40),
                           field,
                           {.chunk = 1000,
                            .progress =
                                [&](double) {
                                  if (++calls == 3) fail(ErrorCode::cancelled, "stop");
                                }},
                           *arena_,
                           stream_);
            }),
            "stop");
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace sinter::mesh::cuda
