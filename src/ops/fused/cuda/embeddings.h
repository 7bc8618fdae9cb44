#pragma once
// The device's side of fused/rotary_table.cpp and fused/timestep_embedding.cpp.

#include <cuda_runtime.h>

#include "ops/fused/array.h"

namespace sinter::fused::cuda {

/// Queue what refusal() lets through.
void rotary_table(const RotaryTable& op, cudaStream_t stream);
void timestep_embedding(const TimestepEmbedding& op, cudaStream_t stream);

}  // namespace sinter::fused::cuda
