#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>

#include "cuda/status.h"
#include "mesh/cuda/scan.h"
#include "mesh/cuda/scratch.h"

namespace sinter::mesh::cuda {
namespace {

using sinter::cuda::check;

/// cub's functions are called twice: for the size of their memory, and for the work.
template <class Run>
void with_memory(const char* operation, Arena& arena, Run&& run) {
  const ArenaScope scope(arena);
  std::size_t bytes = 0;
  check(run(nullptr, bytes), operation);
  check(run(take<std::uint8_t>(arena, static_cast<std::int64_t>(bytes)), bytes), operation);
}

template <class T>
void sum(T* values, std::int64_t count, Arena& arena, cudaStream_t stream) {
  with_memory("exclusive sum", arena, [&](void* memory, std::size_t& bytes) {
    return cub::DeviceScan::ExclusiveSum(memory, bytes, values, values, count, stream);
  });
}

}  // namespace

void exclusive_sum(std::uint32_t* values, std::int64_t count, Arena& arena, cudaStream_t stream) {
  sum(values, count, arena, stream);
}

void exclusive_sum(std::uint64_t* values, std::int64_t count, Arena& arena, cudaStream_t stream) {
  sum(values, count, arena, stream);
}

void stable_sort(const std::uint8_t* keys,
                 const std::uint32_t* values,
                 std::uint32_t* sorted,
                 std::int64_t count,
                 Arena& arena,
                 cudaStream_t stream) {
  const ArenaScope scope(arena);
  auto* sorted_keys = take<std::uint8_t>(arena, count);
  with_memory("sort", arena, [&](void* memory, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(
        memory, bytes, keys, sorted_keys, values, sorted, count, 0, 8, stream);
  });
}

void stable_sort(const std::uint32_t* keys,
                 std::uint32_t* sorted_keys,
                 const std::uint32_t* values,
                 std::uint32_t* sorted,
                 int key_bits,
                 std::int64_t count,
                 Arena& arena,
                 cudaStream_t stream) {
  with_memory("sort", arena, [&](void* memory, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(
        memory, bytes, keys, sorted_keys, values, sorted, count, 0, key_bits, stream);
  });
}

}  // namespace sinter::mesh::cuda
