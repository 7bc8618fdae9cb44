#pragma once
// A place in a stream's work that the host can wait for.

#include <cuda_runtime.h>

#include "cuda/status.h"

namespace sinter::mesh::cuda {

class Event {
 public:
  Event() {
    sinter::cuda::check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "event");
  }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(cudaStream_t stream) {
    sinter::cuda::check(cudaEventRecord(event_, stream), "event");
  }
  /// Returns at once where nothing was recorded.
  void wait() const { sinter::cuda::check(cudaEventSynchronize(event_), "event"); }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace sinter::mesh::cuda
