#pragma once
// Memory of the host that kernels read and write over the link.

#include <cuda_runtime.h>

#include <cstddef>

#include "core/buffer.h"

namespace sinter::cuda {

/// Page-locked memory of the host, the device's as far as tensors in it are concerned. Raises
/// ErrorCode::out_of_memory where the system does not lock so much. Freeing waits for the stream,
/// which must outlive all of it.
class HostAllocator final : public Allocator {
 public:
  explicit HostAllocator(cudaStream_t stream) : stream_(stream) {}

  Device device() const override { return Device::cuda; }
  void* allocate(std::size_t bytes) override;
  void free(void* block) noexcept override;

 private:
  cudaStream_t stream_;
};

}  // namespace sinter::cuda
