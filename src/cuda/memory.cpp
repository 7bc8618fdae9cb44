#include "cuda/memory.h"

#include <cstdint>

#include "cuda/status.h"

namespace sinter::cuda {

namespace {

/// Raises what an allocation of so many bytes came to, where it failed.
void check_allocation(cudaError_t status, std::size_t bytes) {
  if (status != cudaErrorMemoryAllocation) return check(status, "device memory");
  cudaGetLastError();  // a refused allocation leaves the context usable
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "device memory");
  fail(ErrorCode::out_of_memory,
       cat("[device memory] expected ", bytes, " free bytes, got ", free, " of ", total));
}

}  // namespace

DeviceMemory::DeviceMemory(std::size_t bytes) : size_(bytes) {
  check_allocation(cudaMalloc(&data_, bytes), bytes);
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

StreamAllocator::StreamAllocator(cudaStream_t stream) : stream_(stream) {
  int index = 0;
  check(cudaGetDevice(&index), "memory pool");
  check(cudaDeviceGetDefaultMemPool(&pool_, index), "memory pool");
  std::uint64_t keep = ~std::uint64_t{0};
  check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep), "memory pool");
}

void* StreamAllocator::allocate(std::size_t bytes) {
  void* block = nullptr;
  check_allocation(cudaMallocAsync(&block, bytes, stream_), bytes);
  return block;
}

std::size_t StreamAllocator::peak_bytes() const {
  std::uint64_t most = 0;
  check(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrUsedMemHigh, &most), "memory pool");
  return most;
}

void StreamAllocator::reset_peak() {
  std::uint64_t none = 0;
  check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrUsedMemHigh, &none), "memory pool");
}

std::size_t StreamAllocator::reserved_bytes() const {
  std::uint64_t held = 0;
  check(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrReservedMemCurrent, &held), "memory pool");
  return held;
}

}  // namespace sinter::cuda
