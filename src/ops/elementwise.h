#pragma once
// Copies, sums and products of whole tensors. All write into their first tensor.

#include "core/context.h"
#include "core/tensor.h"
#include "ops/view.h"

namespace sinter::ops {

/// x = y, both [..., C]; they must not overlap.
void copy_into(Context& ctx, const RowView& x, const RowView& y);

/// x = 0.
void set_zero(Context& ctx, const RowView& x);

/// x += y. y has the shape of x, or is [C] and is added to every row of x [..., C].
void add_in_place(Context& ctx, const RowView& x, const RowView& y);

/// x += gate * y, gate [C] for x and y [..., C]: gated residual, LayerScale.
void add_gated_in_place(Context& ctx, const RowView& x, const Tensor& gate, const RowView& y);

/// x *= factor.
void scale_in_place(Context& ctx, const RowView& x, float factor);

/// x += factor * y, the Euler step of the sampler; one fused multiply-add where the CPU has it.
/// factor f32 [1].
void add_scaled_in_place(Context& ctx, const RowView& x, const Tensor& factor, const RowView& y);

/// unconditional += guidance * (conditional - unconditional): classifier-free guidance.
void guide_in_place(Context& ctx,
                    const RowView& unconditional,
                    const RowView& conditional,
                    float guidance);

}  // namespace sinter::ops
