#include "io/bmp_header.h"

#include <algorithm>
#include <bit>

namespace sinter::io {
namespace {

constexpr std::size_t kFileHeader = 14;
constexpr std::uint32_t kCoreHeader = 12;
constexpr std::uint32_t kInfoHeader = 40;

enum Compression : std::uint32_t {
  kPlain = 0,
  kRunLength8 = 1,
  kRunLength4 = 2,
  kBitFields = 3,
  kJpeg = 4,
  kPng = 5,
  kAlphaBitFields = 6,
};

/// Little-endian integers; a read beyond the end is the refusal of a file that was cut short.
class Reader {
 public:
  explicit Reader(const ImageSource& source) : source_(source) {}
  std::uint32_t integer(std::size_t offset, std::size_t count) const {
    const auto bytes = source_.bytes;
    if (offset > bytes.size() || count > bytes.size() - offset) {
      source_.refuse(ErrorCode::corrupt, "the BMP file ends too early");
    }
    std::uint32_t value = 0;
    for (std::size_t i = count; i-- > 0;) value = value << 8 | bytes[offset + i];
    return value;
  }
  std::uint32_t u16(std::size_t offset) const { return integer(offset, 2); }
  std::uint32_t u32(std::size_t offset) const { return integer(offset, 4); }

 private:
  const ImageSource& source_;
};

bool known_header_size(std::uint32_t size) {
  static constexpr std::uint32_t kSizes[] = {kCoreHeader, 16, kInfoHeader, 52, 56, 64, 108, 124};
  return std::find(std::begin(kSizes), std::end(kSizes), size) != std::end(kSizes);
}

BmpField field_of(const ImageSource& source, std::uint32_t mask) {
  if (mask == 0) return {};
  BmpField field{std::countr_zero(mask), std::popcount(mask)};
  if (mask >> field.shift != (std::uint64_t{1} << field.bits) - 1 || field.bits > 16) {
    source.refuse(ErrorCode::unsupported,
                  "the BMP file has a colour mask with gaps or above 16 bits");
  }
  return field;
}

void check_depth(const ImageSource& source, const BmpHeader& header, std::uint32_t compression) {
  const int bits = header.bits;
  const bool known =
      bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32;
  if (!known) {
    source.refuse(ErrorCode::corrupt,
                  "the BMP file has ",
                  bits,
                  " bits a pixel; expected 1, 2, 4, 8, 16, 24 or 32");
  }
  const bool fields = compression == kBitFields || compression == kAlphaBitFields;
  const bool fits = compression == kPlain || (compression == kRunLength8 && bits == 8) ||
                    (compression == kRunLength4 && bits == 4) ||
                    (fields && (bits == 16 || bits == 32));
  if (!fits) {
    source.refuse(ErrorCode::unsupported,
                  "the BMP file has compression ",
                  compression,
                  " at ",
                  bits,
                  " bits a pixel, which is not read");
  }
  if (header.run_length && header.top_down) {
    source.refuse(ErrorCode::corrupt, "the BMP file is run-length coded from top to bottom");
  }
}

/// Masks stand after a 40-byte header and inside longer ones: at the same place either way.
/// Returns how many bytes they take after the header.
std::size_t read_fields(const ImageSource& source,
                        const Reader& reader,
                        std::uint32_t header_size,
                        std::uint32_t compression,
                        BmpHeader& header) {
  static constexpr std::uint32_t kMasks16[] = {0x7c00, 0x03e0, 0x001f, 0};
  static constexpr std::uint32_t kMasks32[] = {0xff0000, 0x00ff00, 0x0000ff, 0};
  constexpr std::size_t kMasks = kFileHeader + kInfoHeader;
  const bool explicit_masks = compression == kBitFields || compression == kAlphaBitFields;
  const bool alpha_mask = compression == kAlphaBitFields || header_size >= 56;
  for (std::size_t i = 0; i < 4; ++i) {
    std::uint32_t mask = header.bits == 16 ? kMasks16[i] : kMasks32[i];
    if (explicit_masks) mask = i < 3 || alpha_mask ? reader.u32(kMasks + 4 * i) : 0;
    header.fields[i] = field_of(source, mask);
    if (i < 3 && header.fields[i].bits == 0) {
      source.refuse(ErrorCode::unsupported, "the BMP file has an empty colour mask");
    }
  }
  if (!explicit_masks || header_size > kInfoHeader) return 0;
  return compression == kAlphaBitFields ? 16 : 12;
}

/// Entries are blue, green, red and, but for the core header, a byte without meaning.
void read_palette(const Reader& reader,
                  std::size_t begin,
                  std::size_t entry_bytes,
                  std::uint32_t stated,
                  BmpHeader& header) {
  header.palette.resize(std::size_t{1} << header.bits);
  std::size_t count = header.palette.size();
  if (stated != 0) count = std::min<std::size_t>(count, stated);
  // Some writers leave the palette short and say so by where the pixels begin.
  if (header.pixels > begin) count = std::min(count, (header.pixels - begin) / entry_bytes);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t entry = reader.integer(begin + i * entry_bytes, 3);
    header.palette[i] = {static_cast<std::uint8_t>(entry >> 16),
                         static_cast<std::uint8_t>(entry >> 8),
                         static_cast<std::uint8_t>(entry)};
  }
}

}  // namespace

BmpHeader read_bmp_header(const ImageSource& source) {
  const Reader reader(source);
  BmpHeader header;
  const std::uint32_t size = reader.u32(kFileHeader);
  if (!known_header_size(size)) {
    source.refuse(ErrorCode::unsupported,
                  "the BMP file has a header of ",
                  size,
                  " bytes; expected 12, 16, 40, 52, 56, 64, 108 or 124");
  }
  header.pixels = reader.u32(10);
  std::uint32_t compression = kPlain;
  std::uint32_t colours = 0;
  if (size == kCoreHeader) {
    header.width = reader.u16(18);
    header.height = reader.u16(20);
    header.bits = static_cast<int>(reader.u16(24));
  } else {
    // Both signed; a negative height means that the first row is the top one.
    header.width = static_cast<std::int32_t>(reader.u32(18));
    header.height = static_cast<std::int32_t>(reader.u32(22));
    header.top_down = header.height < 0;
    if (header.top_down) header.height = -header.height;
    header.bits = static_cast<int>(reader.u16(28));
    if (size >= kInfoHeader) {
      compression = reader.u32(30);
      colours = reader.u32(46);
    }
  }
  header.run_length = compression == kRunLength8 || compression == kRunLength4;
  check_depth(source, header, compression);
  std::size_t end = kFileHeader + size;
  if (header.bits == 16 || header.bits == 32) {
    end += read_fields(source, reader, size, compression, header);
  }
  if (header.bits <= 8) {
    read_palette(reader, end, size == kCoreHeader ? 3 : 4, colours, header);
  }
  if (header.pixels < end) {
    source.refuse(ErrorCode::corrupt, "the BMP file's pixels begin inside its header");
  }
  return header;
}

}  // namespace sinter::io
