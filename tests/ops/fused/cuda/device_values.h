#pragma once
// Arrays of the fused operators' tests on a device.

#include <cuda_runtime.h>

#include "cuda/memory.h"
#include "cuda/status.h"
#include "ops/fused/arrays.h"

namespace sinter::fused::test {

/// Skips every test of the suite where there is no GPU.
class FusedCuda : public ::testing::Test {
 protected:
  void SetUp() override {
    if (sinter::cuda::device_count() == 0) GTEST_SKIP() << "no CUDA device";
  }
};

/// A copy on device 0, gaps and guards included.
class OnDevice {
 public:
  explicit OnDevice(const Values& values) : values_(values) {
    if (values_.bytes.empty()) return;
    memory_ = sinter::cuda::DeviceMemory(values_.bytes.size());
    memory_.copy_from_host(values_.bytes.data());
  }
  Array array() const { return values_.array(memory_.as<void>(), 0); }
  /// Replaces all elements.
  void set(const Values& values) {
    values_ = values;
    memory_.copy_from_host(values_.bytes.data());
  }
  const Values& fetch() {
    sinter::cuda::check(cudaDeviceSynchronize(), "test");
    memory_.copy_to_host(values_.bytes.data());
    return values_;
  }

 private:
  Values values_;
  sinter::cuda::DeviceMemory memory_;
};

class Stream {
 public:
  Stream() {
    sinter::cuda::check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "test");
  }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  cudaStream_t get() const { return stream_; }
  Execution execution() const { return {.stream = stream_}; }

 private:
  cudaStream_t stream_ = nullptr;
};

/// What `queue(execution)` puts on a stream, as a graph that runs again and again.
class CapturedGraph {
 public:
  template <class Queue>
  explicit CapturedGraph(Queue queue) {
    sinter::cuda::check(cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeGlobal), "test");
    queue(stream_.execution());
    cudaGraph_t graph = nullptr;
    sinter::cuda::check(cudaStreamEndCapture(stream_.get(), &graph), "test");
    sinter::cuda::check(cudaGraphInstantiate(&graph_, graph, 0), "test");
    cudaGraphDestroy(graph);
  }
  ~CapturedGraph() { cudaGraphExecDestroy(graph_); }
  CapturedGraph(const CapturedGraph&) = delete;
  CapturedGraph& operator=(const CapturedGraph&) = delete;
  void run() const {
    sinter::cuda::check(cudaGraphLaunch(graph_, stream_.get()), "test");
    sinter::cuda::check(cudaStreamSynchronize(stream_.get()), "test");
  }

 private:
  Stream stream_;
  cudaGraphExec_t graph_ = nullptr;
};

}  // namespace sinter::fused::test
