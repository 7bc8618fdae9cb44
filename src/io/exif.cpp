#include "io/exif.h"

#include <algorithm>
#include <cstddef>

namespace sinter::io {
namespace {

constexpr std::uint32_t kTagOrientation = 0x0112;
constexpr std::uint32_t kTypeShort = 3;
constexpr std::size_t kEntryBytes = 12;

/// Bounds-checked integers of either byte order; what lies outside reads as 0.
class TiffReader {
 public:
  explicit TiffReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {
    const bool little = bytes.size() >= 2 && bytes[0] == 'I' && bytes[1] == 'I';
    const bool big = bytes.size() >= 2 && bytes[0] == 'M' && bytes[1] == 'M';
    little_ = little;
    valid_ = (little || big) && bytes.size() >= 8 && integer(2, 2) == 42;
  }
  bool valid() const { return valid_; }
  bool has(std::size_t offset, std::size_t count) const {
    return offset <= bytes_.size() && count <= bytes_.size() - offset;
  }
  std::uint32_t integer(std::size_t offset, std::size_t count) const {
    if (!has(offset, count)) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      value = value << 8 | bytes_[offset + (little_ ? count - 1 - i : i)];
    }
    return value;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  bool little_ = false;
  bool valid_ = false;
};

}  // namespace

int exif_orientation(std::span<const std::uint8_t> tiff) {
  const TiffReader reader(tiff);
  if (!reader.valid()) return 1;
  const std::size_t directory = reader.integer(4, 4);
  const std::size_t entries = reader.integer(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    if (!reader.has(entry, kEntryBytes)) return 1;
    if (reader.integer(entry, 2) != kTagOrientation) continue;
    const std::uint32_t value = reader.integer(entry + 8, 2);
    const bool sound = reader.integer(entry + 2, 2) == kTypeShort && value >= 1 && value <= 8;
    return sound ? static_cast<int>(value) : 1;
  }
  return 1;
}

Image apply_orientation(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  // Each orientation is a transposition (5..8), then a mirror of columns, then one of rows.
  const bool transpose = orientation >= 5;
  const bool mirror_x =
      orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool mirror_y =
      orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  Image upright(transpose ? image.height : image.width,
                transpose ? image.width : image.height,
                image.channels);
  for (int y = 0; y < upright.height; ++y) {
    for (int x = 0; x < upright.width; ++x) {
      const int u = mirror_x ? upright.width - 1 - x : x;
      const int v = mirror_y ? upright.height - 1 - y : y;
      const std::uint8_t* from = transpose ? image.at(v, u) : image.at(u, v);
      std::copy_n(from, image.channels, upright.at(x, y));
    }
  }
  return upright;
}

}  // namespace sinter::io
