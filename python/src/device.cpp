#include "bind.h"

#ifdef SINTER_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

namespace sinter::python {

void wait_for([[maybe_unused]] void* stream) {
#ifdef SINTER_WITH_CUDA
  const nb::gil_scoped_release others_may_run;
  const cudaError_t status = cudaStreamSynchronize(static_cast<cudaStream_t>(stream));
  if (status != cudaSuccess)
    fail(ErrorCode::device,
         "[cuda] expected the stream's work to end, got: ",
         cudaGetErrorString(status));
#endif
}

}  // namespace sinter::python
