#pragma once
// As many threads as the device runs at a time, each of which takes many of the things.

#include <cstdint>

#include "mesh/cuda/launch.cuh"

namespace sinter::texture::cuda {

/// Blocks of kThreads that fill the device.
inline unsigned resident_blocks(const char* operation) {
  constexpr int kBlocksPerProcessor = 2048 / mesh::cuda::kThreads;
  int device = 0, processors = 0;
  sinter::cuda::check(cudaGetDevice(&device), operation);
  sinter::cuda::check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device),
                      operation);
  return static_cast<unsigned>(processors * kBlocksPerProcessor);
}

/// Calls body(n) for this thread's part of 0 .. count - 1.
template <class Body>
__device__ void each_of_this_thread(std::int64_t count, Body&& body) {
  const std::int64_t threads = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t n = mesh::cuda::thread_number(); n < count; n += threads) body(n);
}

}  // namespace sinter::texture::cuda
