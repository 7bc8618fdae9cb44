#pragma once
// Every CUDA call's status becomes an Error that names the operation.

#include <cuda_runtime.h>

#include "core/error.h"

namespace sinter::cuda {

/// Raises ErrorCode::out_of_memory for a failed allocation and ErrorCode::device for anything else:
/// "[operation] CUDA: the runtime's own description". Clears the runtime's sticky last error where
/// it can be cleared, so that the process may go on after an out-of-memory.
void check(cudaError_t status, const char* operation);

/// Launch failures show here and nowhere else; call after every kernel launch.
inline void check_launch(const char* operation) {
  check(cudaGetLastError(), operation);
}

/// Devices of this machine that CUDA can use; 0 without a driver.
int device_count();

}  // namespace sinter::cuda
