#pragma once
// Values of the host for the device.

#include <cuda_runtime.h>

#include <span>

#include "cuda/status.h"

namespace sinter::mesh::cuda {

/// Blocking: `values` may go on return.
template <class T>
void upload_to(void* destination,
               std::span<const T> values,
               const char* operation,
               cudaStream_t stream) {
  sinter::cuda::check(
      cudaMemcpyAsync(
          destination, values.data(), values.size_bytes(), cudaMemcpyHostToDevice, stream),
      operation);
  sinter::cuda::check(cudaStreamSynchronize(stream), operation);
}

}  // namespace sinter::mesh::cuda
