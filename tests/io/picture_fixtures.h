#pragma once
// Picture files made with the format's own library in every variant that sinter must read.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "io/file.h"

namespace sinter::io::test {

struct PngFixture {
  int width = 0;
  int height = 0;
  int bit_depth = 8;
  int colour_type = 2;  ///< PNG's code: 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA
  bool interlaced = false;
  /// Rows as PNG packs them: big-endian 16-bit samples, several samples a byte below 8 bits.
  std::vector<std::vector<std::uint8_t>> rows;
  std::vector<std::array<std::uint8_t, 3>> palette;
  std::vector<std::uint8_t> palette_alpha;        ///< tRNS of a palette
  std::vector<std::uint16_t> transparent_colour;  ///< tRNS of grey (1) or RGB (3)
  Bytes exif;                                     ///< eXIf chunk
};

Bytes make_png(const PngFixture& fixture);

enum class JpegColour { grey, ycc, rgb, cmyk, ycck };

struct JpegFixture {
  int width = 0;
  int height = 0;
  JpegColour colour = JpegColour::ycc;
  int quality = 100;
  bool progressive = false;
  bool arithmetic = false;
  int restart_rows = 0;
  bool adobe_marker = true;          ///< of CMYK: with it, the samples are inverted
  std::vector<std::uint8_t> pixels;  ///< 1, 3 or 4 samples a pixel, as the colour says
  Bytes exif;                        ///< TIFF block for an APP1 marker
};

Bytes make_jpeg(const JpegFixture& fixture);

/// Lossless where quality is 100, else lossy; 3 or 4 channels. With EXIF the file has the extended
/// container.
Bytes make_webp(const std::vector<std::uint8_t>& pixels,
                int width,
                int height,
                int channels,
                int quality,
                const Bytes& exif = {});

/// A TIFF block with one entry, the orientation.
Bytes make_exif(int orientation, bool big_endian);

}  // namespace sinter::io::test
