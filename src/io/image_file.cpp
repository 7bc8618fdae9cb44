#include "io/image_file.h"

#include <algorithm>
#include <new>

#include "io/image_codecs.h"

namespace sinter::io {
namespace {

/// True where the file has `magic` at `offset`.
bool has_magic(std::span<const std::uint8_t> bytes, std::size_t offset, std::string_view magic) {
  return bytes.size() >= offset + magic.size() &&
         std::equal(magic.begin(),
                    magic.end(),
                    bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

/// Formats that people do hand over and that are not read, so that the message can name them.
const char* foreign_format(std::span<const std::uint8_t> bytes) {
  using namespace std::string_view_literals;
  struct Known {
    std::size_t offset;
    std::string_view magic;
    const char* name;
  };
  static constexpr Known kKnown[] = {
      {0, "GIF8"sv, "a GIF picture"},
      {4, "ftypheic"sv, "a HEIC picture"},
      {4, "ftypheix"sv, "a HEIC picture"},
      {4, "ftypmif1"sv, "a HEIF picture"},
      {4, "ftypavif"sv, "an AVIF picture"},
      {0, "\xff\x0a"sv, "a JPEG XL picture"},
      {4, "JXL \r\n"sv, "a JPEG XL picture"},
      {4, "jP  \r\n"sv, "a JPEG 2000 picture"},
      {0, "%PDF"sv, "a PDF document"},
      {0, "<svg"sv, "an SVG drawing"},
      {0, "8BPS"sv, "a Photoshop document"},
  };
  for (const Known& known : kKnown) {
    if (has_magic(bytes, known.offset, known.magic)) return known.name;
  }
  return nullptr;
}

/// Classic TIFF (42) and BigTIFF (43), both byte orders.
bool is_tiff(std::span<const std::uint8_t> bytes) {
  using namespace std::string_view_literals;
  return has_magic(bytes, 0, "II*\0"sv) || has_magic(bytes, 0, "MM\0*"sv) ||
         has_magic(bytes, 0, "II+\0"sv) || has_magic(bytes, 0, "MM\0+"sv);
}

Image decode(const ImageSource& source) {
  const auto bytes = source.bytes;
  if (bytes.empty()) source.refuse(ErrorCode::corrupt, "the file is empty");
  // Three bytes of each are enough to know it; a file cut inside the rest is then a damaged PNG and
  // not an unknown format.
  if (has_magic(bytes, 0, "\x89PN")) return decode_png(source);
  if (has_magic(bytes, 0, "\xff\xd8\xff")) return decode_jpeg(source);
  if (has_magic(bytes, 0, "RIFF") && has_magic(bytes, 8, "WEBP")) return decode_webp(source);
  if (is_tiff(bytes)) return decode_tiff(source);
  if (has_magic(bytes, 0, "BM")) return decode_bmp(source);
  constexpr const char* kExpected = "; expected PNG, JPEG, WebP, BMP or TIFF";
  if (const char* format = foreign_format(bytes)) {
    source.refuse(ErrorCode::unsupported, "is ", format, kExpected);
  }
  source.refuse(ErrorCode::unsupported, "is not a picture", kExpected);
}

}  // namespace

void ImageSource::check_size(std::int64_t width, std::int64_t height) const {
  if (width < 1 || height < 1) {
    refuse(ErrorCode::corrupt, "has no pixels (", width, " x ", height, ")");
  }
  if (width > limits.max_side || height > limits.max_side || width * height > limits.max_pixels) {
    refuse(ErrorCode::unsupported,
           width,
           " x ",
           height,
           " pixels are too many; expected at most ",
           limits.max_side,
           " a side and ",
           limits.max_pixels,
           " in all");
  }
}

Image ImageSource::allocate(std::int64_t width, std::int64_t height, int channels) const {
  check_size(width, height);
  return Image(static_cast<int>(width), static_cast<int>(height), channels);
}

Image decode_image(std::span<const std::uint8_t> bytes,
                   std::string_view name,
                   const ImageLimits& limits,
                   const std::function<void()>& poll) {
  const ImageSource source{bytes, name, limits, poll};
  try {
    return decode(source);
  } catch (const std::bad_alloc&) {
    source.refuse(ErrorCode::out_of_memory, "no memory for the pixels");
  }
}

Image read_image(const std::filesystem::path& path,
                 const ImageLimits& limits,
                 const std::function<void()>& poll) {
  const Bytes bytes = read_file(path, "image", limits.max_file_bytes);
  return decode_image(bytes, printable(path), limits, poll);
}

void write_png(const std::filesystem::path& path, const Image& image) {
  write_file_atomically(path, encode_png(image));
}

}  // namespace sinter::io
