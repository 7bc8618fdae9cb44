#pragma once
// Device memory with an owner.

#include <cstddef>
#include <utility>

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

}  // namespace sinter::cuda
