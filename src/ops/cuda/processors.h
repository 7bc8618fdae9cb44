#pragma once
// How many blocks of a resident grid run at a time where each takes a processor for itself.

#include <cuda_runtime.h>

#include "cuda/status.h"

namespace sinter::ops::cuda {

/// Of the current device. Raises ErrorCode::device, naming the operation.
inline int processor_count(const char* operation) {
  int device = 0, processors = 0;
  sinter::cuda::check(cudaGetDevice(&device), operation);
  sinter::cuda::check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device),
                      operation);
  return processors;
}

}  // namespace sinter::ops::cuda
