#pragma once
// Resizing as Pillow does it, which the pictures of networks are made with.
//
// Source: Pillow, src/libImaging/Resample.c: the filter widens with the reduction, weights are
// fixed point with 22 bits, each pass rounds to 8 bits, first along the rows. Bit-exact with Pillow
// up to 12; Pillow 13 begins along the columns where the height shrinks, which moves what
// overshoots.

#include "core/image.h"

namespace sinter::io {

/// Lanczos of three lobes; cubic convolution with a = -0.5, which is Pillow's default.
enum class PillowFilter { lanczos, bicubic };

/// Any channels, each on its own; width and height at least 1. The same size gives a copy.
Image resize_pillow(const Image& image, int width, int height, PillowFilter filter);

}  // namespace sinter::io
