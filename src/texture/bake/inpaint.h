#pragma once
// The rest of a texture from what surrounds it, in the plane of the picture.

#include <cstdint>
#include <span>

#include "core/image.h"
#include "texture/bake/march_order.h"

namespace sinter::texture {

/// Fills the wanted pixels of an RGB picture by OpenCV's INPAINT_NS with radius 3: in the order of
/// fast marching from the known pixels, each the mean of the known pixels within the radius, those
/// along its isophotes most. Pixels outside are neither used nor filled, so time goes with what is
/// wanted. Returns how many wanted pixels no known pixel reaches; they stay. The result is the
/// same, bit for bit, for any number of threads.
///
/// Source: OpenCV, modules/photo/src/inpaint.cpp.
std::int64_t inpaint_navier_stokes(Image& image, std::span<const Pixel> pixels, int threads);

}  // namespace sinter::texture
