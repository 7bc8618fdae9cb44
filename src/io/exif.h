#pragma once
// The one thing that a picture's EXIF block decides here: which way is up.
//
// Source: JEITA CP-3451 (Exif 2.3), tag 0x0112; TIFF 6.0 for the directory.

#include <cstdint>
#include <span>

#include "core/image.h"

namespace sinter::io {

/// Orientation 1..8 from a TIFF block (what follows "Exif\0\0"); 1 where the block is malformed,
/// has no such entry or an impossible value. Never reads outside the span.
int exif_orientation(std::span<const std::uint8_t> tiff);

/// Turns and mirrors a picture with that orientation so that it stands upright.
Image apply_orientation(Image image, int orientation);

}  // namespace sinter::io
