#pragma once
// Reads the zip layout in which torch.save writes: stored entries, data descriptors, zip64.
// Format: PKWARE APPNOTE 6.3.9, sections 4.3.7 (local header), 4.3.9 (data descriptor),
// 4.3.12 (central directory), 4.3.14 to 4.3.16 (end records), 4.5.3 (zip64 extra field).
//
// Nothing is ever unpacked. An entry is a part of the file as it lies there, and the entries divide
// the file between them without overlap, so all of them together are no larger than the file: a
// small archive cannot grow.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sinter::checkpoint {

/// More entries than this are refused; the largest models have some thousands.
inline constexpr std::size_t kMaxZipEntries = std::size_t{1} << 20;

struct ZipEntry {
  std::string_view name;             ///< as in the file, unchecked text; points into it
  std::span<const std::byte> bytes;  ///< the content, where it lies in the file
  std::uint32_t crc32 = 0;           ///< of the content; 0 where the writer recorded none
};

/// The entries of an archive; views of the file's bytes, which must outlive it.
class ZipArchive {
 public:
  /// True for a file that starts with an entry of a zip archive.
  static bool recognises(std::span<const std::byte> file);

  /// Reads the whole structure, no content. Raises ErrorCode::corrupt unless local headers, names,
  /// contents and descriptors fill the file from its first byte to the central directory exactly
  /// once, both headers of every entry agree, and no name is repeated; ErrorCode::unsupported for
  /// compressed or encrypted entries, archives of several disks, and more than kMaxZipEntries.
  /// `label` names the file in messages.
  static ZipArchive parse(std::span<const std::byte> file, std::string_view label);

  /// Sorted by name.
  std::span<const ZipEntry> entries() const { return entries_; }
  /// The entry of that name, or null.
  const ZipEntry* find(std::string_view name) const;

 private:
  std::vector<ZipEntry> entries_;
};

/// Reads the content once and raises ErrorCode::corrupt unless its CRC-32 is the recorded one;
/// passes an entry for which the writer recorded none.
void check_crc32(const ZipEntry& entry, std::string_view label);

}  // namespace sinter::checkpoint
