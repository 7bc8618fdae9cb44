#pragma once
// Rows as a product of 8-bit operands reads them.

#include <cuda_runtime.h>

#include "ops/activation.h"
#include "ops/cuda/rows.h"

namespace sinter::ops::cuda {

/// dst, e4m3 = activation(src) * factor, to nearest even; what is beyond 448 becomes it, NaN stays.
/// src f32, f16 or bf16. Columns are a multiple of 8, rows start at multiples of 16 bytes (8 in
/// dst). Raises ErrorCode::invalid_argument for what is outside these limits, ErrorCode::device
/// where the launch fails.
void quantize(
    const Rows& dst, const Rows& src, float factor, Activation activation, cudaStream_t stream);

/// Raises extent[0] to the largest size of a value, and extent[1] to the largest length
/// sqrt(sum of x^2) of a row. `extent` lies on the device and holds no negative value before.
/// Limits as above.
void measure_rows(float* extent, const Rows& src, cudaStream_t stream);

}  // namespace sinter::ops::cuda
