#pragma once
// Work queued on a stream, recorded as a CUDA graph and replayed; with branches that the device
// takes by itself.

#include <cuda_runtime.h>

#include <functional>
#include <memory>

#include "core/tensor.h"
#include "ops/backend.h"

namespace sinter::ops::cuda {

class GraphRecorder {
 public:
  bool recording() const { return recording_; }

  /// Raises ErrorCode::internal, naming what, while a recording is made.
  void refuse(const char* what) const;

  /// What `work` queues on the stream, which it does not do yet. Raises what it raises.
  std::unique_ptr<Recording> record(cudaStream_t stream, const std::function<void()>& work);

  /// Within record(): a node that runs what `compute` queues where the flag, one i32 on the device,
  /// is not 0, else what `reuse` does. While either queues, `stream` is one of its own: the one
  /// that is recorded waits.
  void branch(cudaStream_t& stream,
              const Tensor& flag,
              const std::function<void()>& compute,
              const std::function<void()>& reuse);

 private:
  bool recording_ = false;
};

}  // namespace sinter::ops::cuda
