#include <algorithm>
#include <bit>
#include <cmath>

#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scratch.h"
#include "mesh/cuda/value_range.h"

namespace sinter::mesh::cuda {
namespace {

constexpr const char* kName = "field values";
constexpr int kEmptyMin = 0x7fffffff, kEmptyMax = -0x7fffffff - 1;
/// Enough to fill the device; each block then takes many values.
constexpr std::int64_t kMostBlocks = 2048;

/// Floats as integers of the same order; its own inverse.
__host__ __device__ constexpr int ordered(int bits) {
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

__global__ void __launch_bounds__(kThreads) take_kernel(const float* values,
                                                        const std::uint32_t* places,
                                                        std::int64_t count,
                                                        float* destination,
                                                        DeviceRange* range) {
  int low = kEmptyMin, high = kEmptyMax;
  const std::int64_t step = std::int64_t{gridDim.x} * kThreads;
  for (std::int64_t n = thread_number(); n < count; n += step) {
    const float value = values[n];
    const std::int64_t place = places == nullptr ? n : places[n];
    if (places != nullptr) destination[place] = value;
    if (!isfinite(value)) {
      atomicMin(&range->broken,
                static_cast<unsigned long long>(place) << 32 |
                    static_cast<unsigned>(__float_as_int(value)));
    }
    if (isnan(value)) continue;
    low = min(low, ordered(__float_as_int(value)));
    high = max(high, ordered(__float_as_int(value)));
  }
  low = __reduce_min_sync(0xffffffff, low);
  high = __reduce_max_sync(0xffffffff, high);
  if (threadIdx.x % 32 == 0) {
    atomicMin(&range->min, low);
    atomicMax(&range->max, high);
  }
}

}  // namespace

ValueRange DeviceRange::values() const {
  if (min > max) return {};
  return {std::bit_cast<float>(ordered(min)), std::bit_cast<float>(ordered(max))};
}

DeviceRange* make_range(Arena& arena, cudaStream_t stream) {
  auto* range = take<DeviceRange>(arena, 1);
  for_each(1, kName, stream, [range] __device__(std::int64_t) {
    *range = {kEmptyMin, kEmptyMax, DeviceRange::kNone};
  });
  return range;
}

void take_values(const float* values,
                 const std::uint32_t* places,
                 std::int64_t count,
                 float* destination,
                 DeviceRange* range,
                 cudaStream_t stream) {
  if (count == 0) return;
  const auto blocks =
      static_cast<unsigned>(std::min((count + kThreads - 1) / kThreads, kMostBlocks));
  take_kernel<<<blocks, kThreads, 0, stream>>>(values, places, count, destination, range);
  sinter::cuda::check_launch(kName);
}

void check_finite(const DeviceRange& range, const Grid& grid, int points, int stride) {
  if (range.broken == DeviceRange::kNone) return;
  const auto place = static_cast<std::int64_t>(range.broken >> 32);
  const std::int64_t along[3] = {place / points / points, place / points % points, place % points};
  GridIndex index;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    index[axis] = std::min(static_cast<int>(along[axis]) * stride, grid.resolution());
  }
  const Vec3 point = grid.point(index);
  const float value = std::bit_cast<float>(static_cast<std::uint32_t>(range.broken));
  ValueRange unused;
  include_values({&point, 1}, {&value, 1}, unused);
}

}  // namespace sinter::mesh::cuda
