#pragma once
// Pictures from files and to files.
//
// The format is recognised by content, never by name: PNG, JPEG, WebP (still pictures), BMP, TIFF.
// Values are taken as they are stored: gamma and colour profiles are ignored, as the pictures that
// the models were trained on were read (docs/pictures.md).

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include "core/image.h"
#include "io/file.h"

namespace sinter::io {

struct ImageLimits {
  /// Largest width and height. Checked on the header, before any pixel is allocated.
  std::int64_t max_side = 16384;
  /// Largest width x height; 2^28 is a 200 megapixel photo with room to spare, 1 GiB as RGBA.
  std::int64_t max_pixels = std::int64_t{1} << 28;
  std::size_t max_file_bytes = std::size_t{1} << 30;
};

/// Reads a picture as RGB (3 channels) or, where the file carries transparency, RGBA (4 channels,
/// straight alpha).
///   PNG   1, 2, 4, 8, 16 bits; grey, palette, RGB, with alpha or tRNS; interlaced.
///   JPEG  baseline, progressive, arithmetic; grey, YCbCr, RGB, CMYK and YCCK (inverted as Adobe
///         writes them).
///   WebP  lossy and lossless; not animated.
///   BMP   1, 2, 4, 8 (palette), 16, 24, 32 bits; run lengths of 4 and 8 bits; colour masks; alpha
///         where a mask names it and any of it is not zero; from the top or from the bottom.
///   TIFF  the first page; strips and tiles, interleaved and planar; grey, RGB, palette, CMYK,
///   YCbCr,
///         Lab; integers of 1 to 16 and 32 bits, floats (0..1); alpha straight or premultiplied,
///         the latter divided out; what libtiff decompresses but the old JPEG form.
/// Deeper samples become 8 bits by rounding: round(v / 257) of 16. The orientation of all formats
/// but BMP, which has none, is applied. Raises "[image] photo.png: ..." with not_found,
/// io, corrupt (empty, truncated, damaged) or unsupported (another format, or beyond a limit).
/// `poll`, where set, is called between rows and throws to stop. A WebP file and a progressive
/// JPEG's scans are decoded in one piece.
Image read_image(const std::filesystem::path& path,
                 const ImageLimits& limits = {},
                 const std::function<void()>& poll = {});

/// The same from memory; `name` stands for the file in messages.
Image decode_image(std::span<const std::uint8_t> bytes,
                   std::string_view name,
                   const ImageLimits& limits = {},
                   const std::function<void()>& poll = {});

/// 8-bit PNG of a picture with 1, 3 or 4 channels. The same picture gives the same bytes.
Bytes encode_png(const Image& image);
/// encode_png, written atomically.
void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace sinter::io
