#pragma once
// Resampling of f32 grids, half-pixel centres (align_corners false), equal to PyTorch's
// interpolate.

#include <cstdint>

#include "core/context.h"
#include "core/tensor.h"

namespace sinter::ops {

/// image [C, H, W] -> [C, height, width], bilinear with antialias: separable triangle filter of
/// half-width max(1, in / out) source pixels, weights renormalised at the borders, horizontal pass
/// first. Equals torch.nn.functional.interpolate(mode="bilinear", antialias=True), which
/// torchvision's resize calls, up to f32 rounding.
Tensor resize_bilinear_antialias(Context& ctx,
                                 const Tensor& image,
                                 std::int64_t height,
                                 std::int64_t width);

/// grid [H, W, C] (channels innermost, as a table of position vectors) -> [height, width, C],
/// bicubic convolution with A = -0.75, no antialias, taps clamped at the border. Equals
/// torch.nn.functional.interpolate(mode="bicubic", align_corners=False) up to f32 rounding.
Tensor resize_bicubic(Context& ctx, const Tensor& grid, std::int64_t height, std::int64_t width);

}  // namespace sinter::ops
