#include "cuda/host_memory.h"

#include "cuda/status.h"

namespace sinter::cuda {

void* HostAllocator::allocate(std::size_t bytes) {
  void* block = nullptr;
  const cudaError_t status = cudaHostAlloc(&block, bytes, cudaHostAllocDefault);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // a refused allocation leaves the context usable
    fail(ErrorCode::out_of_memory,
         cat("[host memory] expected ", bytes, " bytes that can be locked for the GPU, got fewer"));
  }
  check(status, "host memory");
  return block;
}

void HostAllocator::free(void* block) noexcept {
  cudaStreamSynchronize(stream_);
  cudaFreeHost(block);
}

}  // namespace sinter::cuda
