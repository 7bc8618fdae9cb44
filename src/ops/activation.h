#pragma once
// Pointwise non-linearities.
//
// All are computed by vectorised polynomials; tests/cpu check them densely against float64 over the
// whole float range. See cpu/kernels/math.h for the bounds.

#include "core/context.h"
#include "core/tensor.h"
#include "ops/view.h"

namespace sinter::ops {

enum class Activation {
  none,
  gelu_erf,   ///< x / 2 * (1 + erf(x / sqrt 2)): VAE, DINOv2-large
  gelu_tanh,  ///< x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))): DiT
  silu,       ///< x / (1 + exp(-x))
};

/// Replaces every element of `x` by its activation. `x` may be a column slice.
void activate_in_place(Context& ctx, const RowView& x, Activation activation);

void gelu_erf_in_place(Context& ctx, const RowView& x);
void gelu_tanh_in_place(Context& ctx, const RowView& x);
void silu_in_place(Context& ctx, const RowView& x);

/// SwiGLU: x [..., 2 F] holds (a | b) in each row; returns silu(a) * b, [..., F].
Tensor silu_mul(Context& ctx, const Tensor& x);

}  // namespace sinter::ops
