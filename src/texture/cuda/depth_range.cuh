#pragma once
// Least and greatest of the values of many threads.

#include <cstdint>

#include "mesh/cuda/launch.cuh"
#include "texture/maps/map_levels.h"

namespace sinter::texture::cuda {

/// Of fp32 values, as numbers that rise as they do; all bits 0 and 1 where there is none.
struct DepthCells {
  std::uint32_t nearest, farthest;
  unsigned long long covered;

  __device__ static std::uint32_t rising(float value) {
    const std::uint32_t bits = __float_as_uint(value);
    return (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
  }
  __host__ __device__ static std::uint32_t bits_of(std::uint32_t rising) {
    return (rising & 0x80000000) != 0 ? rising & 0x7fffffff : ~rising;
  }
  __device__ float nearest_value() const { return __uint_as_float(bits_of(nearest)); }
  __device__ float farthest_value() const { return __uint_as_float(bits_of(farthest)); }
};

/// What a thread has seen.
struct DepthSeen {
  std::uint32_t nearest = 0, farthest = 0xffffffff, covered = 0;

  __device__ void add(float z) {
    const std::uint32_t value = DepthCells::rising(z);
    nearest = max(nearest, value);
    farthest = min(farthest, value);
    ++covered;
  }
  /// To be called by all threads of a warp together.
  __device__ void write(DepthCells* cells) const {
    constexpr unsigned kAllLanes = 0xffffffff;
    const std::uint32_t high = __reduce_max_sync(kAllLanes, nearest);
    const std::uint32_t low = __reduce_min_sync(kAllLanes, farthest);
    const std::uint32_t count = __reduce_add_sync(kAllLanes, covered);
    if (threadIdx.x % 32 != 0 || count == 0) return;
    atomicMax(&cells->nearest, high);
    atomicMin(&cells->farthest, low);
    atomicAdd(&cells->covered, static_cast<unsigned long long>(count));
  }
};

/// Queues: nothing was seen.
inline void clear_depths(DepthCells* cells, const char* operation, cudaStream_t stream) {
  mesh::cuda::for_each(1, operation, stream, [=] __device__(std::int64_t) {
    *cells = {.nearest = 0, .farthest = 0xffffffff, .covered = 0};
  });
}

/// 255 at the nearest, 0 at the farthest and where nothing is. A plane that faces the camera is
/// nearest everywhere; its depths differ by roundings.
__device__ inline std::uint8_t depth_level(bool covered, float depth, const DepthCells& cells) {
  if (!covered) return 0;
  const float farthest = cells.farthest_value();
  const float extent = cells.nearest_value() - farthest;
  return extent > kFlat ? level((depth - farthest) / extent) : 255;
}

}  // namespace sinter::texture::cuda
