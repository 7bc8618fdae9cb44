#pragma once
// The device that an operator's arrays lie on, current for as long as this lives.

#include <cuda_runtime.h>

#include "cuda/status.h"

namespace sinter::fused::cuda {

class CurrentDevice {
 public:
  explicit CurrentDevice(int device) {
    sinter::cuda::check(cudaGetDevice(&before_), "device");
    if (before_ != device) sinter::cuda::check(cudaSetDevice(device), "device");
    changed_ = before_ != device;
  }
  ~CurrentDevice() {
    if (changed_) cudaSetDevice(before_);
  }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int before_ = 0;
  bool changed_ = false;
};

}  // namespace sinter::fused::cuda
