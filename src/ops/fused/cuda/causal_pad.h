#pragma once
// The device's side of fused/causal_pad.cpp.

#include <cuda_runtime.h>

#include "ops/fused/array.h"

namespace sinter::fused::cuda {

/// Queues what refusal() lets through.
void causal_pad(const CausalPad& op, cudaStream_t stream);

}  // namespace sinter::fused::cuda
