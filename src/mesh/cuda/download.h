#pragma once
// From the device to memory of the host that is not pinned.

#include <cuda_runtime.h>

#include <cstddef>
#include <memory>

#include "mesh/cuda/event.h"

namespace sinter::mesh::cuda {

/// Copies through pinned memory of its own, a few megabytes: a part arrives while the one before is
/// moved on.
class Download {
 public:
  /// Raises ErrorCode::out_of_memory.
  Download();

  /// Waits for what was queued on the stream before.
  void run(const void* source, void* destination, std::size_t bytes, cudaStream_t stream);

 private:
  struct Free {
    void operator()(std::byte* pinned) const { cudaFreeHost(pinned); }
  };
  static constexpr int kParts = 2;
  std::unique_ptr<std::byte, Free> pinned_;  // [kParts][kPartBytes]
  Event arrived_[kParts];
};

}  // namespace sinter::mesh::cuda
