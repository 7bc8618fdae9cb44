#pragma once
// The device's side of fused/norm_scale_shift.cpp.

#include <cuda_runtime.h>

#include <string>

#include "ops/fused/norm_rows.h"

namespace sinter::fused::cuda {

/// Empty, or why a device does not have PyTorch's bits for that shape.
std::string refuse_order(const NormScaleShift& op, const NormRows& rows);

/// Queues what refusal() lets through.
void norm_scale_shift(const NormScaleShift& op, const NormRows& rows, cudaStream_t stream);

}  // namespace sinter::fused::cuda
