#include "cuda/memory.h"

#include "cuda/status.h"

namespace sinter::cuda {

DeviceMemory::DeviceMemory(std::size_t bytes) : size_(bytes) {
  const cudaError_t status = cudaMalloc(&data_, bytes);
  if (status != cudaErrorMemoryAllocation) {
    check(status, "device memory");
    return;
  }
  cudaGetLastError();  // a refused allocation leaves the context usable
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "device memory");
  fail(ErrorCode::out_of_memory,
       cat("[device memory] expected ", bytes, " free bytes, got ", free, " of ", total));
}

DeviceMemory::~DeviceMemory() {
  cudaFree(data_);
}

void DeviceMemory::copy_from_host(const void* source) {
  check(cudaMemcpy(data_, source, size_, cudaMemcpyHostToDevice), "copy to the device");
}

void DeviceMemory::copy_to_host(void* destination) const {
  check(cudaMemcpy(destination, data_, size_, cudaMemcpyDeviceToHost), "copy from the device");
}

void DeviceMemory::fill(int byte) {
  check(cudaMemset(data_, byte, size_), "fill device memory");
}

}  // namespace sinter::cuda
