#pragma once
// A cursor over untrusted bytes that cannot leave them.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/error.h"

namespace sinter::checkpoint {

/// Every read raises ErrorCode::corrupt, "[checkpoint] file: section is cut short ...", where fewer
/// bytes are left than it needs. `label` names the file, `section` the part of it; both must
/// outlive the reader.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string_view label, std::string_view section)
      : bytes_(bytes), label_(label), section_(section) {}

  std::size_t position() const { return position_; }
  std::size_t remaining() const { return bytes_.size() - position_; }

  /// The next `count` bytes.
  std::span<const std::byte> take(std::size_t count) {
    SINTER_CHECK(count <= remaining(),
                 ErrorCode::corrupt,
                 "[checkpoint] ",
                 label_,
                 ": ",
                 section_,
                 " is cut short: expected ",
                 count,
                 " bytes at byte ",
                 position_,
                 ", got ",
                 remaining());
    const auto part = bytes_.subspan(position_, count);
    position_ += count;
    return part;
  }

  std::string_view text(std::size_t count) {
    const auto part = take(count);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }

  /// A little-endian unsigned integer of 1 to 8 bytes.
  std::uint64_t little(std::size_t width) {
    std::uint64_t value = 0;
    std::size_t shift = 0;
    for (const std::byte byte : take(width)) {
      value |= std::to_integer<std::uint64_t>(byte) << shift;
      shift += 8;
    }
    return value;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(little(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(little(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(little(4)); }
  std::uint64_t u64() { return little(8); }

 private:
  std::span<const std::byte> bytes_;
  std::string_view label_;
  std::string_view section_;
  std::size_t position_ = 0;
};

}  // namespace sinter::checkpoint
