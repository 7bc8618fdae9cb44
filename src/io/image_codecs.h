#pragma once
// The decoders behind read_image(), one file each. All take the whole file in memory and raise
// "[image] NAME: ..." themselves.

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "core/error.h"
#include "core/image.h"
#include "io/image_file.h"

namespace sinter::io {

/// What a decoder is given: the file, its name for messages, and the bounds.
struct ImageSource {
  std::span<const std::uint8_t> bytes;
  std::string_view name;
  ImageLimits limits;
  const std::function<void()>& poll;

  /// Every few rows: lets the caller stop the decoder by throwing.
  void check_row(std::int64_t row) const {
    constexpr std::int64_t kRows = 16;
    if (row % kRows == 0 && poll) poll();
  }
  template <class... Parts>
  [[noreturn]] void refuse(ErrorCode code, const Parts&... parts) const {
    fail(code, "[image] ", name, ": ", parts...);
  }
  /// Refuses a size without pixels and one beyond the limits. For decoders that can tell from the
  /// file's length that the pixels are not there before they allocate.
  void check_size(std::int64_t width, std::int64_t height) const;
  /// A picture of that size, checked.
  Image allocate(std::int64_t width, std::int64_t height, int channels) const;
};

Image decode_png(const ImageSource& source);
Image decode_jpeg(const ImageSource& source);
Image decode_webp(const ImageSource& source);
Image decode_bmp(const ImageSource& source);
Image decode_tiff(const ImageSource& source);

}  // namespace sinter::io
