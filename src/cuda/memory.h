#pragma once
// Device memory: of an owner of its own, and in the order of a stream's work.

#include <cuda_runtime.h>

#include <cstddef>
#include <utility>

#include "core/buffer.h"

namespace sinter::cuda {

/// A block of device memory of the current device. Move only. Not initialised.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  /// Raises ErrorCode::out_of_memory, naming the bytes asked for and those free.
  explicit DeviceMemory(std::size_t bytes);
  ~DeviceMemory();
  DeviceMemory(DeviceMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  std::size_t size() const { return size_; }

  /// Blocking copies of the whole block.
  void copy_from_host(const void* source);
  void copy_to_host(void* destination) const;
  /// Sets every byte; blocking.
  void fill(int byte);

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Memory of the current device's pool, given and taken back in the order of a stream's work: what
/// is given back may be given out again while kernels that use it still run. The pool keeps its
/// memory. The stream must outlive all of it.
class StreamAllocator final : public Allocator {
 public:
  explicit StreamAllocator(cudaStream_t stream);

  Device device() const override { return Device::cuda; }
  void* allocate(std::size_t bytes) override;
  void free(void* block) noexcept override { cudaFreeAsync(block, stream_); }
  /// Most bytes that were allocated at a time since reset_peak(), by all of the device's
  /// allocators.
  std::size_t peak_bytes() const;
  void reset_peak();
  /// Bytes that the pool holds, in use or not.
  std::size_t reserved_bytes() const;
  /// Returns to the device what is not in use.
  cudaError_t trim() noexcept { return cudaMemPoolTrimTo(pool_, 0); }

 private:
  cudaStream_t stream_;
  cudaMemPool_t pool_ = nullptr;
};

}  // namespace sinter::cuda
