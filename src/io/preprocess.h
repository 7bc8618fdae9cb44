#pragma once
// From a cut-out picture to what the conditioner reads: recentred, on white, square, in [-1, 1].
//
// Upstream: Hunyuan3D-2, hy3dgen/shapegen/preprocessors.py (ImageProcessorV2). Levels follow
// upstream's 8-bit roundings, so a result equals its where both use OpenCV's own filters; with
// Intel's IPP (the PyPI package on x86) about 5 % of the levels differ by one.

#include <string_view>

#include "core/context.h"
#include "core/image.h"

namespace sinter::io {

struct PreprocessOptions {
  /// Share of the square that stays empty around the longer side of the subject; 0 <= r < 1.
  double border_ratio = 0.15;
  /// Side of the result in pixels, at least 1.
  int size = 512;
};

/// Crops to the pixels with non-zero alpha (the last row and column of them are left out, as
/// upstream does), scales them to 1 - border_ratio of a square of max(width, height), centres them
/// and composites on white. RGB counts as opaque: the whole picture is the subject. Returns RGB.
/// Raises "[image] NAME: ..." (invalid_argument) where no pixel is visible, the visible part is a
/// single row or column, or so thin that the scaled subject has no pixel.
Image recenter(const Image& image, double border_ratio, std::string_view name);

/// Any square size with OpenCV's INTER_CUBIC (no antialiasing when shrinking, as upstream).
Image resize_cubic(const Image& image, int size);

/// recenter, then resize_cubic: the RGB picture of size x size that the model sees.
Image preprocess_image(const Image& image, const PreprocessOptions& options, std::string_view name);

/// RGB levels to f32 [1, 3, height, width], value = level / 255 * 2 - 1, from the context's arena.
Tensor image_to_tensor(Context& context, const Image& image);

}  // namespace sinter::io
