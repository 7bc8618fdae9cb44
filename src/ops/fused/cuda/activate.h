#pragma once
// The device's side of fused/activate.cpp.

#include <cuda_runtime.h>

#include "ops/fused/array.h"

namespace sinter::fused::cuda {

struct ActivateRows {
  RowShape x, multiplier, y;
};

/// Queues what refusal() lets through.
void activate(const Activate& op, const ActivateRows& rows, cudaStream_t stream);

}  // namespace sinter::fused::cuda
