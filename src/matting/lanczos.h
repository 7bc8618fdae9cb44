#pragma once
// Resizing as Pillow does it, which the matting networks' users feed them with.
//
// Source: Pillow, src/libImaging/Resample.c: the filter widens with the reduction, weights are
// fixed point with 22 bits, each pass rounds to 8 bits, first along the rows. Bit-exact with Pillow
// up to 12; Pillow 13 begins along the columns where the height shrinks, which moves what
// overshoots.

#include "core/image.h"

namespace sinter::matting {

/// Lanczos of three lobes, any channels, each on its own; width and height at least 1.
Image resize_lanczos(const Image& image, int width, int height);

}  // namespace sinter::matting
