#pragma once
// The device's side of fused/gated_add.cpp.

#include <cuda_runtime.h>

#include "ops/fused/array.h"

namespace sinter::fused::cuda {

/// `rows`, `residual_rows` and `y_rows` as read_rows() reads the operands, `gate` likewise.
struct GatedAddRows {
  RowShape x, residual, y;
  Modulation gate;
};

/// Queues what refusal() lets through.
void gated_add(const GatedAdd& op, const GatedAddRows& rows, cudaStream_t stream);

}  // namespace sinter::fused::cuda
