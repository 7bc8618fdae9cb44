#pragma once
// Normalisations over the innermost axis, f32. Two passes: the mean first, then the variance of the
// centred values (never E[x^2] - mean^2); the variance divides by the number of channels.

#include "core/context.h"
#include "core/tensor.h"
#include "ops/view.h"

namespace sinter::ops {

/// y = (x - mean) / sqrt(var + eps) * weight + bias over the last axis of x [..., C].
/// weight and bias [C], or both undefined for the norm alone.
Tensor layer_norm(
    Context& ctx, const Tensor& x, const Tensor& weight, const Tensor& bias, float eps);

/// y = (1 + scale) * layer_norm(x) + shift, the modulated norm of the DiT; x [..., C], shift and
/// scale [C] apply to all rows (give a slice of rows for another pair).
Tensor layer_norm_modulate(
    Context& ctx, const Tensor& x, const Tensor& shift, const Tensor& scale, float eps);

/// In place on each head vector: x / sqrt(mean(x^2) + eps) * scale; scale [dim], shared by all
/// heads.
void rms_norm_heads_in_place(Context& ctx, const HeadView& x, const Tensor& scale, float eps);

/// In place on each head vector: layer norm over dim with weight and bias [dim], shared by all
/// heads.
void layer_norm_heads_in_place(
    Context& ctx, const HeadView& x, const Tensor& weight, const Tensor& bias, float eps);

}  // namespace sinter::ops
