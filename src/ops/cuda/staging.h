#pragma once
// The way of large tensors from pageable memory, such as a mapped file, to the device: through two
// pinned blocks, one being filled while the other is copied.

#include <cuda_runtime.h>

#include <array>
#include <cstddef>

#include "core/tensor.h"
#include "cuda/memory.h"

namespace sinter::ops::cuda {

class Staging {
 public:
  Staging() = default;
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// See Accelerator::upload(). `threads`: of the CPU, for copying into the pinned blocks.
  void upload(const Tensor& src, const Tensor& dst, int threads, cudaStream_t stream);

  static constexpr std::size_t kBytes = std::size_t{16} << 20;
  static constexpr std::size_t kSlots = 2;
  /// Of device memory, at most.
  static constexpr std::size_t kDeviceBytes = kSlots * kBytes;

 private:
  struct Slot {
    void* block = nullptr;  // pinned, kBytes
    cudaEvent_t copied = nullptr;
    sinter::cuda::DeviceMemory landing;  // for values that are converted on the device
  };
  /// The slot that was used longest ago, free to be filled.
  Slot& next();

  std::array<Slot, kSlots> slots_;
  std::size_t turn_ = 0;
};

}  // namespace sinter::ops::cuda
