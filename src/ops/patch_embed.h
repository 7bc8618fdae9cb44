#pragma once
// Patch embedding of a vision transformer: a convolution whose stride equals its kernel size.

#include "core/context.h"
#include "core/tensor.h"
#include "ops/linear.h"

namespace sinter::ops {

/// image [C, H, W] f32, H and W multiples of `patch` -> tokens [(H / patch) * (W / patch), O] in
/// row major order. `weight` is the convolution's [O, C, patch, patch] (in_features C * patch *
/// patch) with its bias.
Tensor patch_embed(Context& ctx, const Tensor& image, const LinearWeight& weight, int patch);

}  // namespace sinter::ops
