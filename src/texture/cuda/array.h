#pragma once
// Values on the device.

#include <cuda_runtime.h>

#include <cstdint>
#include <span>

#include "core/buffer.h"
#include "mesh/cuda/upload.h"

namespace sinter::texture::cuda {

/// Move only. Its memory is taken and given back in the order of the allocator's stream.
template <class T>
class Array {
 public:
  Array() = default;
  /// Not initialised. Raises ErrorCode::out_of_memory.
  Array(std::int64_t count, Allocator* memory)
      : count_(count), buffer_(static_cast<std::size_t>(count) * sizeof(T), memory) {}
  /// A blocking copy.
  Array(std::span<const T> values, Allocator* memory, cudaStream_t stream)
      : Array(std::ssize(values), memory) {
    mesh::cuda::upload_to(buffer_.data(), values, "upload", stream);
  }

  T* data() const { return reinterpret_cast<T*>(buffer_.data()); }
  std::int64_t size() const { return count_; }
  std::size_t bytes() const { return static_cast<std::size_t>(count_) * sizeof(T); }

 private:
  std::int64_t count_ = 0;
  Buffer buffer_;
};

}  // namespace sinter::texture::cuda
