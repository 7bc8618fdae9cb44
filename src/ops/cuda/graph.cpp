#include "ops/cuda/graph.h"

#include <exception>
#include <type_traits>
#include <utility>

#include "core/error.h"
#include "cuda/status.h"
#include "ops/cuda/history.h"

namespace sinter::ops::cuda {

namespace {

using sinter::cuda::check;

struct DestroyGraph {
  void operator()(cudaGraph_t graph) const { cudaGraphDestroy(graph); }
};
using GraphOwner = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph>;

class Graph final : public Recording {
 public:
  Graph(cudaGraphExec_t executable, cudaStream_t stream)
      : executable_(executable), stream_(stream) {}
  ~Graph() override { cudaGraphExecDestroy(executable_); }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  void replay() override { check(cudaGraphLaunch(executable_, stream_), "replay"); }

 private:
  cudaGraphExec_t executable_;
  cudaStream_t stream_;
};

/// What it raised, so that a capture can be ended first.
std::exception_ptr error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

void record_body(cudaGraph_t body, cudaStream_t& stream, const std::function<void()>& work) {
  cudaStream_t own = nullptr;
  check(cudaStreamCreateWithFlags(&own, cudaStreamNonBlocking), "branch");
  check(cudaStreamBeginCaptureToGraph(
            own, body, nullptr, nullptr, 0, cudaStreamCaptureModeThreadLocal),
        "branch");
  const cudaStream_t outer = std::exchange(stream, own);
  const std::exception_ptr error = error_of(work);
  stream = outer;
  const cudaError_t status = cudaStreamEndCapture(own, &body);
  cudaStreamDestroy(own);
  if (error) std::rethrow_exception(error);
  check(status, "branch");
}

}  // namespace

void GraphRecorder::refuse(const char* what) const {
  SINTER_CHECK(!recording_, ErrorCode::internal, "[record] expected queued work alone, got ", what);
}

std::unique_ptr<Recording> GraphRecorder::record(cudaStream_t stream,
                                                 const std::function<void()>& work) {
  // Other threads may go on using other devices' contexts meanwhile.
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "record");
  recording_ = true;
  const std::exception_ptr error = error_of(work);
  recording_ = false;
  cudaGraph_t graph = nullptr;
  const cudaError_t status = cudaStreamEndCapture(stream, &graph);
  const GraphOwner owner(graph);
  if (error) {
    cudaGetLastError();  // the capture that the error ended
    std::rethrow_exception(error);
  }
  check(status, "record");
  cudaGraphExec_t executable = nullptr;
  check(cudaGraphInstantiate(&executable, graph, 0), "record");
  return std::make_unique<Graph>(executable, stream);
}

void GraphRecorder::branch(cudaStream_t& stream,
                           const Tensor& flag,
                           const std::function<void()>& compute,
                           const std::function<void()>& reuse) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  cudaGraph_t graph = nullptr;
  check(cudaStreamGetCaptureInfo(stream, &status, nullptr, &graph), "branch");
  cudaGraphConditionalHandle handle{};
  // A condition that were never set would compute.
  check(cudaGraphConditionalHandleCreate(&handle, graph, 1, cudaGraphCondAssignDefault), "branch");
  set_condition(handle, flag.ptr<int>(), stream);
  const cudaGraphNode_t* before = nullptr;
  const cudaGraphEdgeData* edges = nullptr;
  std::size_t count = 0;
  check(cudaStreamGetCaptureInfo(stream, &status, nullptr, &graph, &before, &edges, &count),
        "branch");
  cudaGraphNodeParams node{};
  node.type = cudaGraphNodeTypeConditional;
  node.conditional.handle = handle;
  node.conditional.type = cudaGraphCondTypeIf;
  node.conditional.size = 2;  // a body for 1, a body for 0
  cudaGraphNode_t added = nullptr;
  check(cudaGraphAddNode(&added, graph, before, edges, count, &node), "branch");
  record_body(node.conditional.phGraph_out[0], stream, compute);
  record_body(node.conditional.phGraph_out[1], stream, reuse);
  check(cudaStreamUpdateCaptureDependencies(
            stream, &added, nullptr, 1, cudaStreamSetCaptureDependencies),
        "branch");
}

}  // namespace sinter::ops::cuda
