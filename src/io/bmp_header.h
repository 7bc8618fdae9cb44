#pragma once
// What stands before the pixels of a BMP file.
//
// Source: Microsoft, BITMAPFILEHEADER, BITMAPCOREHEADER, BITMAPINFOHEADER, BITMAPV4HEADER,
// BITMAPV5HEADER; OS/2 2.0 writes the core header followed by 4 to 48 bytes of its own.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "io/image_codecs.h"

namespace sinter::io {

/// One sample of a pixel that BITFIELDS cuts into masks; samples wider than 16 bits are refused.
struct BmpField {
  int shift = 0;
  int bits = 0;  ///< 0: the pixel has no such sample
  /// The sample as 8 bits, rounded; 255 where there is none.
  std::uint8_t level(std::uint32_t pixel) const {
    if (bits == 0) return 255;
    const std::uint32_t most = (std::uint32_t{1} << bits) - 1;
    return static_cast<std::uint8_t>(((pixel >> shift & most) * 510 + most) / (2 * most));
  }
};

struct BmpHeader {
  std::int64_t width = 0, height = 0;
  bool top_down = false;
  int bits = 0;                                      ///< a pixel: 1, 2, 4, 8 (palette), 16, 24, 32
  bool run_length = false;                           ///< of 4 or 8 bits
  std::array<BmpField, 4> fields{};                  ///< red, green, blue, alpha; of 16 and 32 bits
  std::vector<std::array<std::uint8_t, 3>> palette;  ///< RGB, 2^bits entries; missing ones black
  std::size_t pixels = 0;                            ///< where the pixels begin

  bool has_alpha() const { return fields[3].bits != 0; }
};

/// Raises corrupt or unsupported through `source`. Sizes are not yet compared with the limits.
BmpHeader read_bmp_header(const ImageSource& source);

}  // namespace sinter::io
