#pragma once
// Normalisations over the innermost axis. Two passes: the mean first, then the variance of the
// centred values (never E[x^2] - mean^2); the variance divides by the number of channels.

#include "core/context.h"
#include "core/tensor.h"
#include "ops/view.h"

namespace sinter::ops {

/// y = (x - mean) / sqrt(var + eps) * weight + bias over the last axis of x [..., C].
/// weight and bias [C], or both undefined for the norm alone.
Tensor layer_norm(
    Context& ctx, const Tensor& x, const Tensor& weight, const Tensor& bias, float eps);

/// What modulates the norm of a DiT block: vectors [C] made from the time.
struct ScaleShift {
  Tensor shift;
  Tensor scale;
  float eps = 1e-6F;  ///< of the norm
};

/// y = (1 + scale) * layer_norm(x) + shift, the modulated norm of the DiT; x [..., C]. The same
/// modulation applies to all rows (give a slice of rows for another).
Tensor layer_norm_modulate(Context& ctx, const Tensor& x, const ScaleShift& modulation);
/// Writes into `dst`, of x's shape and the context's type, or e4m3: see LinearWeight.
void layer_norm_modulate_into(Context& ctx,
                              const Tensor& x,
                              const ScaleShift& modulation,
                              const Tensor& dst);

/// In place on each head vector: x / sqrt(mean(x^2) + eps) * scale; scale [dim], shared by all
/// heads.
void rms_norm_heads_in_place(Context& ctx, const HeadView& x, const Tensor& scale, float eps);
/// The same of queries and keys, each with its scale. Equal tokens, heads, dim and strides.
void rms_norm_heads_in_place(Context& ctx,
                             const HeadView& q,
                             const HeadView& k,
                             const Tensor& q_scale,
                             const Tensor& k_scale,
                             float eps);

/// In place on each head vector: layer norm over dim with weight and bias [dim], shared by all
/// heads.
void layer_norm_heads_in_place(
    Context& ctx, const HeadView& x, const Tensor& weight, const Tensor& bias, float eps);

}  // namespace sinter::ops
