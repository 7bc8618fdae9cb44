#pragma once
// The operators on an NVIDIA GPU.

#include <cstddef>
#include <memory>
#include <string>

#include "ops/backend.h"

namespace sinter::ops::cuda {

/// A GPU as this program sees it.
struct Gpu {
  std::string name;
  int major = 0, minor = 0;  ///< compute capability
  std::size_t memory = 0;    ///< bytes
  /// The kernels are built for Hopper, compute capability 9.0.
  bool supported() const { return major == 9 && minor == 0; }
};

/// Raises ErrorCode::not_found where there is no GPU of that number.
Gpu describe_gpu(int index);

/// One stream on a GPU, and what its operators keep between calls. Its memory is taken from a pool
/// that keeps what was freed. A thread that did not make it calls make_current() first. Raises
/// ErrorCode::not_found where there is no such GPU, ErrorCode::unsupported for one that the kernels
/// are not built for.
std::shared_ptr<Backend> make_backend(int index);

}  // namespace sinter::ops::cuda
