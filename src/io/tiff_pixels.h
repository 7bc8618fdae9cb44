#pragma once
// What a TIFF file's samples mean: bits to levels, inks and palettes to RGB.
//
// Source: TIFF 6.0; ExtraSamples as in TIFF 6.0 section 18.

#include <cstdint>
#include <vector>

#include "core/image.h"

namespace sinter::io {

enum class TiffColour { white_is_zero, black_is_zero, rgb, palette, cmyk };
enum class TiffAlpha { none, straight, premultiplied };
enum class TiffSample { unsigned_integer, floating };

struct TiffLayout {
  int width = 0, height = 0;
  int bits = 8;     ///< a sample: 1..16 or 32 as integers, 16, 32 or 64 as floats
  int samples = 1;  ///< a pixel, 1..kMaxTiffSamples
  TiffSample kind = TiffSample::unsigned_integer;
  TiffColour colour = TiffColour::rgb;
  TiffAlpha alpha = TiffAlpha::none;  ///< the sample that follows the colours
  std::vector<std::uint8_t> palette;  ///< RGB, 2^bits entries

  int colours() const { return colour == TiffColour::rgb ? 3 : colour == TiffColour::cmyk ? 4 : 1; }
  int channels() const { return alpha == TiffAlpha::none ? 3 : 4; }
};

inline constexpr int kMaxTiffSamples = 64;

/// One row of samples of one plane: `stride` samples a pixel, of which `offset` is the wanted one.
struct TiffRow {
  const std::uint8_t* bytes = nullptr;
  int stride = 1;
  int offset = 0;
};

/// Writes `count` pixels to `dst` (layout.channels() each) from one row a used sample: rows[i] is
/// the i-th colour, the last the alpha where there is one. Integers are packed from the highest bit
/// down below 16 bits and in the machine's order from 16 on. Floats are taken as 0..1; what lies
/// outside is clamped, and NaN is 0.
void convert_tiff_row(const TiffLayout& layout,
                      const std::vector<TiffRow>& rows,
                      int count,
                      std::uint8_t* dst);

}  // namespace sinter::io
