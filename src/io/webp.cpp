#include <webp/decode.h>

#include <algorithm>
#include <string_view>

#include "io/exif.h"
#include "io/image_codecs.h"

namespace sinter::io {
namespace {

std::size_t little_endian(std::span<const std::uint8_t> bytes, std::size_t offset) {
  return bytes[offset] | std::size_t{bytes[offset + 1]} << 8 |
         std::size_t{bytes[offset + 2]} << 16 | std::size_t{bytes[offset + 3]} << 24;
}

/// Orientation from the EXIF chunk of the RIFF container; 1 where there is none.
int webp_orientation(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kHeader = 8;
  std::size_t offset = 12;
  while (offset <= bytes.size() && bytes.size() - offset >= kHeader) {
    const std::size_t size = little_endian(bytes, offset + 4);
    const auto body = bytes.subspan(offset + kHeader);
    if (size > body.size()) return 1;
    if (std::equal(body.data() - kHeader, body.data() - kHeader + 4, "EXIF")) {
      const auto tiff = body.first(size);
      // Some writers repeat JPEG's prefix although the container has no use for it.
      const bool prefixed = size >= 6 && std::equal(tiff.data(), tiff.data() + 4, "Exif");
      return exif_orientation(prefixed ? tiff.subspan(6) : tiff);
    }
    offset += kHeader + size + (size & 1);
  }
  return 1;
}

}  // namespace

Image decode_webp(const ImageSource& source) {
  const auto bytes = source.bytes;
  const auto refuse_early = [&] {
    source.refuse(ErrorCode::corrupt, "the WebP file ends too early");
  };
  if (bytes.size() < 12 || little_endian(bytes, 4) > bytes.size() - 8) refuse_early();
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(bytes.data(), bytes.size(), &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) refuse_early();
  if (status != VP8_STATUS_OK) source.refuse(ErrorCode::corrupt, "the WebP file is damaged");
  if (features.has_animation != 0) {
    source.refuse(ErrorCode::unsupported, "is an animated WebP; expected a still picture");
  }
  const bool alpha = features.has_alpha != 0;
  Image image = source.allocate(features.width, features.height, alpha ? 4 : 3);
  const int stride = image.width * image.channels;
  const auto decode = alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode(bytes.data(), bytes.size(), image.pixels.data(), image.pixels.size(), stride) ==
      nullptr) {
    source.refuse(ErrorCode::corrupt, "the WebP file is damaged or ends too early");
  }
  return apply_orientation(std::move(image), webp_orientation(bytes));
}

}  // namespace sinter::io
