#pragma once
// Pictures from files and to files.
//
// The format is recognised by content, never by name: PNG, JPEG, WebP (still pictures). Values are
// taken as they are stored: gamma and colour profiles are ignored, as the pictures that the models
// were trained on were read.

#include <cstdint>
#include <filesystem>
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
///   PNG   1, 2, 4, 8, 16 bits; grey, palette, RGB, with alpha or tRNS; interlaced. 16 bits become
///   8
///         by round(v / 257).
///   JPEG  baseline, progressive, arithmetic; grey, YCbCr, RGB, CMYK and YCCK (inverted as Adobe
///         writes them).
///   WebP  lossy and lossless; not animated.
/// The EXIF orientation of all three is applied. Raises "[image] photo.png: ..." with not_found,
/// io, corrupt (empty, truncated, damaged) or unsupported (another format, or beyond a limit).
Image read_image(const std::filesystem::path& path, const ImageLimits& limits = {});

/// The same from memory; `name` stands for the file in messages.
Image decode_image(std::span<const std::uint8_t> bytes,
                   std::string_view name,
                   const ImageLimits& limits = {});

/// 8-bit PNG of a picture with 1, 3 or 4 channels. The same picture gives the same bytes.
Bytes encode_png(const Image& image);
/// encode_png, written atomically.
void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace sinter::io
