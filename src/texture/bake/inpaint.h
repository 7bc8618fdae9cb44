#pragma once
// The rest of a texture from what surrounds it, in the plane of the picture.

#include <cstdint>
#include <span>

#include "core/image.h"

namespace sinter::texture {

/// What a pixel is to the inpainting.
enum class Pixel : std::uint8_t { known, wanted, outside };

/// Fills the wanted pixels of an RGB picture by OpenCV's INPAINT_NS with radius 3: in the order of
/// fast marching from the known pixels, among equal distances first come first served, each the
/// mean of the known pixels within the radius, those along its isophotes most. Pixels outside are
/// neither used nor filled, so time goes with what is wanted. Returns how many wanted pixels no
/// known pixel reaches; they stay.
///
/// Sources: OpenCV, modules/photo/src/inpaint.cpp; A. Telea, "An Image Inpainting Technique Based
/// on the Fast Marching Method", 2004.
std::int64_t inpaint_navier_stokes(Image& image, std::span<const Pixel> pixels);

}  // namespace sinter::texture
