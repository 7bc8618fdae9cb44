#include "cuda/status.h"

namespace sinter::cuda {

void check(cudaError_t status, const char* operation) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // forget it: an allocation that failed leaves the context usable
  fail(status == cudaErrorMemoryAllocation ? ErrorCode::out_of_memory : ErrorCode::device,
       cat("[",
           operation,
           "] CUDA: ",
           cudaGetErrorString(status),
           " (",
           cudaGetErrorName(status),
           ")"));
}

int device_count() {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess) {
    cudaGetLastError();
    return 0;
  }
  return count;
}

}  // namespace sinter::cuda
