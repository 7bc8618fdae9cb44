#pragma once
// One thread for each of a number of things.

#include <cstdint>

#include "cuda/status.h"

namespace sinter::mesh::cuda {

inline constexpr int kThreads = 256;

/// Number of this thread among all of a launch made by for_each().
__device__ inline std::int64_t thread_number() {
  return std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
}

template <class Body>
__global__ void __launch_bounds__(kThreads) for_each_kernel(std::int64_t count, Body body) {
  const std::int64_t n = thread_number();
  if (n < count) body(n);
}

/// Queues body(n) for n = 0 .. count - 1. `body` is a __device__ lambda.
template <class Body>
void for_each(std::int64_t count, const char* operation, cudaStream_t stream, const Body& body) {
  if (count == 0) return;
  const auto blocks = static_cast<unsigned>((count + kThreads - 1) / kThreads);
  for_each_kernel<<<blocks, kThreads, 0, stream>>>(count, body);
  sinter::cuda::check_launch(operation);
}

/// Waits for the stream and copies one value from the device.
template <class T>
T read_back(const T* value, const char* operation, cudaStream_t stream) {
  T result;
  sinter::cuda::check(
      cudaMemcpyAsync(&result, value, sizeof result, cudaMemcpyDeviceToHost, stream), operation);
  sinter::cuda::check(cudaStreamSynchronize(stream), operation);
  return result;
}

template <class T>
void set_bytes(
    T* values, int byte, std::int64_t count, const char* operation, cudaStream_t stream) {
  sinter::cuda::check(
      cudaMemsetAsync(values, byte, static_cast<std::size_t>(count) * sizeof(T), stream),
      operation);
}

}  // namespace sinter::mesh::cuda
