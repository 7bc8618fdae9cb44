#pragma once
// Shared by the tests of the device's geometry: fields on both sides, and equality bit for bit.

#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "cuda/device_test.h"
#include "mesh/cuda/device_field.h"
#include "mesh/cuda/device_mesh.h"
#include "mesh/fields.h"
#include "mesh/parallel.h"
#include "sinter/error.h"

namespace sinter::mesh::cuda::testing {

using namespace sinter::mesh::testing;

class DeviceTest : public sinter::cuda::testing::DeviceTest {
 protected:
  TriangleMesh download(const DeviceMesh& mesh) { return MeshDownload().run(mesh, stream_); }
};

/// Values of every point, in the order of DeviceField.
inline std::vector<float> values_of(const Grid& grid, const Function& function) {
  std::vector<float> values(static_cast<std::size_t>(grid.point_count()));
  const int side = grid.points();
  parallel_blocks(16, side, 1, [&](std::int64_t first, std::int64_t) {
    auto next = static_cast<std::size_t>(first * side * side);
    const int i = static_cast<int>(first);
    for (int j = 0; j < side; ++j) {
      for (int k = 0; k < side; ++k, ++next) {
        const Vec3 p = grid.point({i, j, k});
        values[next] = static_cast<float>(function(p[0], p[1], p[2]));
      }
    }
  });
  return values;
}

inline std::vector<float> noise(const Grid& grid, std::uint64_t seed, int steps) {
  std::mt19937_64 random(seed);
  std::vector<float> values(static_cast<std::size_t>(grid.point_count()));
  for (float& v : values) {
    const double x = uniform(random, -1, 1);
    v = static_cast<float>(steps > 0 ? std::round(x * steps) / steps : x);
  }
  return values;
}

/// Answers on the host; waits for the stream.
inline DeviceSampler device_sampler(FieldSampler sampler) {
  return [sampler = std::move(sampler)](
             const float* points, std::int64_t count, float* logits, cudaStream_t stream) {
    std::vector<Vec3> host(static_cast<std::size_t>(count));
    std::vector<float> answers(host.size());
    sinter::cuda::check(
        cudaMemcpyAsync(
            host.data(), points, host.size() * sizeof(Vec3), cudaMemcpyDeviceToHost, stream),
        "test");
    sinter::cuda::check(cudaStreamSynchronize(stream), "test");
    sampler(host, answers);
    sinter::cuda::check(
        cudaMemcpyAsync(
            logits, answers.data(), answers.size() * sizeof(float), cudaMemcpyHostToDevice, stream),
        "test");
    sinter::cuda::check(cudaStreamSynchronize(stream), "test");
  };
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

/// The first place where two arrays of floats differ in their bits; -1: nowhere.
inline std::int64_t first_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::ssize(std::min(a, b));
  for (std::size_t n = 0; n < a.size(); ++n) {
    // Every NaN says the same: not evaluated.
    if (std::isnan(a[n]) && std::isnan(b[n])) continue;
    if (std::bit_cast<std::uint32_t>(a[n]) != std::bit_cast<std::uint32_t>(b[n])) {
      return static_cast<std::int64_t>(n);
    }
  }
  return -1;
}

inline void expect_same_mesh(const TriangleMesh& found, const TriangleMesh& expected) {
  EXPECT_EQ(found.positions.size(), expected.positions.size());
  EXPECT_EQ(found.faces.size(), expected.faces.size());
  EXPECT_TRUE(same_bits(found.positions, expected.positions)) << "positions differ";
  EXPECT_TRUE(same_bits(found.faces, expected.faces)) << "faces differ";
}

/// The message of the error that `action` raises; empty where it raises none.
template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
    return {};
  } catch (const Error& error) {
    return error.message();
  }
}

}  // namespace sinter::mesh::cuda::testing
