#include "checkpoint/zip_archive.h"

#include <algorithm>
#include <array>

#include "checkpoint/byte_reader.h"
#include "checkpoint/problems.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kDescriptorSignature = 0x08074b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocatorSignature = 0x07064b50;
constexpr std::size_t kCentralBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kLocatorBytes = 20;
constexpr std::uint16_t kEncrypted = 1 << 0;
constexpr std::uint16_t kHasDescriptor = 1 << 3;
constexpr std::uint16_t kZip64Extra = 1;
/// A field with this value stands in the zip64 extra field or end record instead.
constexpr std::uint32_t kIn64 = 0xffffffff;

template <class... Args>
[[noreturn]] void corrupt(std::string_view label, const Args&... args) {
  fail(ErrorCode::corrupt, "[checkpoint] ", label, ": broken zip archive: ", args...);
}

template <class... Args>
[[noreturn]] void unsupported(std::string_view label, const Args&... args) {
  fail(ErrorCode::unsupported, "[checkpoint] ", label, ": zip archive: ", args...);
}

/// Where the central directory is, and how many entries it has.
struct Directory {
  std::uint64_t entries = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;
};

/// One entry with the range of the file that it fills: header, name, content, descriptor.
struct Located {
  ZipEntry entry;
  std::uint64_t size = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
};

/// The signature at `position`, or 0 where the file is too short.
std::uint32_t signature_at(Bytes file, std::size_t position) {
  if (position > file.size() || file.size() - position < 4) return 0;
  return ByteReader(file.subspan(position, 4), {}, {}).u32();
}

/// The end record is the last place whose comment reaches exactly to the end of the file.
std::size_t find_end_record(Bytes file, std::string_view label) {
  constexpr std::size_t kLongestComment = 0xffff;
  const std::size_t last = file.size() - std::min(file.size(), kEndBytes);
  const std::size_t first = last - std::min(last, kLongestComment);
  const std::string_view tail(reinterpret_cast<const char*>(file.data()) + first,
                              file.size() - first);
  for (std::size_t at = tail.rfind("PK\x05\x06"); at != tail.npos;
       at = at == 0 ? tail.npos : tail.rfind("PK\x05\x06", at - 1)) {
    const std::size_t begin = first + at;
    if (begin > last || file.size() < kEndBytes) continue;
    if (ByteReader(file.subspan(begin + 20, 2), label, {}).u16() == last - begin) return begin;
  }
  corrupt(label, "no end record; the file is cut short or not a zip archive");
}

/// Reads the zip64 end record that the locator in front of `end` points to, and checks that the
/// classic record does not contradict it. Returns where the record starts.
std::size_t read_end64(Bytes file, std::size_t end, Directory& directory, std::string_view label) {
  const std::size_t locator_at = end - kLocatorBytes;
  ByteReader locator(file.subspan(locator_at, kLocatorBytes), label, "zip64 locator");
  locator.take(4);
  const std::uint32_t disk = locator.u32();
  const std::uint64_t at = locator.u64();
  if (disk != 0 || locator.u32() > 1) unsupported(label, "spread over several disks");
  if (at >= locator_at) corrupt(label, "the zip64 end record lies behind its locator");
  ByteReader record(file.subspan(at, locator_at - at), label, "zip64 end record");
  if (record.u32() != kEnd64Signature) corrupt(label, "no zip64 end record at byte ", at);
  if (record.u64() != locator_at - at - 12) {
    corrupt(label, "the zip64 end record does not reach to its locator");
  }
  record.take(4);  // versions
  if (record.u32() != 0 || record.u32() != 0) unsupported(label, "spread over several disks");
  const Directory classic = directory;
  const std::uint64_t here = record.u64();
  directory = {record.u64(), record.u64(), record.u64()};
  const bool agree = (classic.entries == 0xffff || classic.entries == directory.entries) &&
                     (classic.size == kIn64 || classic.size == directory.size) &&
                     (classic.offset == kIn64 || classic.offset == directory.offset);
  if (here != directory.entries || !agree) corrupt(label, "its two end records contradict");
  return at;
}

Directory find_directory(Bytes file, std::string_view label) {
  const std::size_t end = find_end_record(file, label);
  ByteReader record(file.subspan(end), label, "zip end record");
  record.take(4);
  const std::uint16_t disk = record.u16();
  const std::uint16_t directory_disk = record.u16();
  const std::uint16_t here = record.u16();
  Directory directory;
  directory.entries = record.u16();
  directory.size = record.u32();
  directory.offset = record.u32();
  if (disk != 0 || directory_disk != 0 || here != directory.entries) {
    unsupported(label, "spread over several disks");
  }
  std::size_t stop = end;
  if (end >= kLocatorBytes && signature_at(file, end - kLocatorBytes) == kLocatorSignature) {
    stop = read_end64(file, end, directory, label);
  }
  if (directory.offset > stop || directory.size != stop - directory.offset) {
    corrupt(label,
            "expected a central directory that ends at byte ",
            stop,
            ", got ",
            directory.size,
            " bytes from byte ",
            directory.offset);
  }
  if (directory.entries > directory.size / kCentralBytes) {
    corrupt(
        label, directory.entries, " entries do not fit a directory of ", directory.size, " bytes");
  }
  if (directory.entries > kMaxZipEntries) {
    unsupported(label, "expected at most ", kMaxZipEntries, " entries, got ", directory.entries);
  }
  return directory;
}

/// Replaces each field that says so by its value in the zip64 extra field. Order of the fields as
/// in the format: size, stored size, offset.
void read_zip64_extra(Bytes extra,
                      std::initializer_list<std::uint64_t*> fields,
                      std::string_view name,
                      std::string_view label) {
  const auto missing = [](const std::uint64_t* field) { return *field == kIn64; };
  if (std::none_of(fields.begin(), fields.end(), missing)) return;
  ByteReader reader(extra, label, "extra field of a zip entry");
  while (reader.remaining() >= 4) {
    const std::uint16_t id = reader.u16();
    const Bytes body = reader.take(reader.u16());
    if (id != kZip64Extra) continue;
    ByteReader values(body, label, "zip64 extra field");
    for (std::uint64_t* field : fields) {
      if (missing(field)) *field = values.u64();
    }
    return;
  }
  corrupt(label, printable(name), ": its zip64 extra field is missing");
}

/// The next entry of the central directory; its local header has not been looked at.
Located read_central(ByteReader& reader, std::string_view label) {
  Located found;
  if (reader.u32() != kCentralSignature) {
    corrupt(
        label, "expected a directory entry ", reader.position() - 4, " bytes into the directory");
  }
  reader.take(4);  // versions
  found.flags = reader.u16();
  found.method = reader.u16();
  reader.take(4);  // time and date
  found.entry.crc32 = reader.u32();
  std::uint64_t stored = reader.u32();
  found.size = reader.u32();
  const std::uint16_t name_bytes = reader.u16();
  const std::uint16_t extra_bytes = reader.u16();
  const std::uint16_t comment_bytes = reader.u16();
  const std::uint16_t disk = reader.u16();
  reader.take(6);  // attributes
  found.begin = reader.u32();
  found.entry.name = reader.text(name_bytes);
  const Bytes extra = reader.take(extra_bytes);
  reader.take(comment_bytes);
  read_zip64_extra(extra, {&found.size, &stored, &found.begin}, found.entry.name, label);

  const std::string name = printable(found.entry.name);
  if (disk != 0) unsupported(label, "spread over several disks");
  if ((found.flags & kEncrypted) != 0) unsupported(label, name, " is encrypted");
  if (found.method != 0) {
    unsupported(label,
                name,
                ": expected stored bytes as torch.save writes them, got compression method ",
                found.method,
                " (a TorchScript program, or packed by another tool)");
  }
  if (stored != found.size) {
    corrupt(label, name, ": ", found.size, " bytes cannot be stored in ", stored);
  }
  return found;
}

/// Bytes of the data descriptor at the front of `rest`: signature, checksum, and both sizes in 8 or
/// 4 bytes. The format lets a writer leave out the signature, but then a content that is shifted by
/// 4 bytes cannot be told from the right one.
std::size_t descriptor_bytes(Bytes rest, const Located& found, std::string_view label) {
  for (const std::size_t width : {std::size_t{8}, std::size_t{4}}) {
    const std::size_t bytes = 8 + 2 * width;
    if (rest.size() < bytes) continue;
    ByteReader reader(rest, label, "data descriptor");
    const bool same = reader.u32() == kDescriptorSignature && reader.u32() == found.entry.crc32 &&
                      reader.little(width) == found.size && reader.little(width) == found.size;
    if (same) return bytes;
  }
  corrupt(label, printable(found.entry.name), ": no data descriptor that matches the directory");
}

/// Reads the local header, compares it with the directory, and finds content and end. `data` is the
/// file up to the central directory.
void read_local(Bytes data, Located& found, std::string_view label) {
  const std::string name = printable(found.entry.name);
  if (found.begin > data.size()) corrupt(label, name, " lies behind the central directory");
  ByteReader reader(data.subspan(found.begin), label, "zip entry");
  if (reader.u32() != kLocalSignature) corrupt(label, name, ": no entry at byte ", found.begin);
  reader.take(2);  // version
  const std::uint16_t flags = reader.u16();
  const std::uint16_t method = reader.u16();
  reader.take(4);  // time and date
  const std::uint32_t crc32 = reader.u32();
  std::uint64_t stored = reader.u32();
  std::uint64_t size = reader.u32();
  const std::uint16_t name_bytes = reader.u16();
  const std::uint16_t extra_bytes = reader.u16();
  const std::string_view local_name = reader.text(name_bytes);
  read_zip64_extra(reader.take(extra_bytes), {&size, &stored}, local_name, label);

  // a writer that streams knows neither size nor checksum yet and leaves zeros
  const bool later = (flags & kHasDescriptor) != 0 && crc32 == 0 && size == 0 && stored == 0;
  const bool same = crc32 == found.entry.crc32 && size == found.size && stored == found.size;
  if (local_name != found.entry.name || flags != found.flags || method != found.method ||
      !(later || same)) {
    corrupt(label, name, ": directory and local header contradict each other");
  }
  found.entry.bytes = reader.take(found.size);
  found.end = found.begin + reader.position();
  if ((flags & kHasDescriptor) != 0) {
    found.end += descriptor_bytes(data.subspan(found.end), found, label);
  }
}

/// Every byte in front of the directory belongs to exactly one entry.
void check_partition(std::vector<Located>& entries, std::uint64_t end, std::string_view label) {
  std::sort(entries.begin(), entries.end(), [](const Located& a, const Located& b) {
    return a.begin < b.begin;
  });
  std::uint64_t filled = 0;
  for (const Located& found : entries) {
    const std::string name = printable(found.entry.name);
    if (found.begin < filled) corrupt(label, name, " overlaps the entry in front of it");
    if (found.begin > filled) {
      corrupt(label, found.begin - filled, " bytes in front of ", name, " belong to no entry");
    }
    filled = found.end;
  }
  if (filled != end) corrupt(label, end - filled, " bytes belong to no entry");
}

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320u : 0);
    table[i] = value;
  }
  return table;
}

}  // namespace

bool ZipArchive::recognises(Bytes file) {
  return signature_at(file, 0) == kLocalSignature;
}

ZipArchive ZipArchive::parse(Bytes file, std::string_view label) {
  const Directory directory = find_directory(file, label);
  const Bytes data = file.first(directory.offset);
  ByteReader reader(file.subspan(directory.offset, directory.size), label, "zip directory");
  std::vector<Located> found;
  found.reserve(directory.entries);
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    found.push_back(read_central(reader, label));
    read_local(data, found.back(), label);
  }
  if (reader.remaining() != 0) {
    corrupt(label, reader.remaining(), " bytes behind the last directory entry");
  }
  check_partition(found, data.size(), label);

  ZipArchive archive;
  archive.entries_.reserve(found.size());
  for (const Located& each : found) archive.entries_.push_back(each.entry);
  const auto by_name = [](const ZipEntry& a, const ZipEntry& b) { return a.name < b.name; };
  std::sort(archive.entries_.begin(), archive.entries_.end(), by_name);
  const auto twice = std::adjacent_find(
      archive.entries_.begin(), archive.entries_.end(), [](const ZipEntry& a, const ZipEntry& b) {
        return a.name == b.name;
      });
  if (twice != archive.entries_.end()) corrupt(label, printable(twice->name), " is given twice");
  return archive;
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto it = std::lower_bound(
      entries_.begin(), entries_.end(), name, [](const ZipEntry& entry, std::string_view key) {
        return entry.name < key;
      });
  return it != entries_.end() && it->name == name ? &*it : nullptr;
}

void check_crc32(const ZipEntry& entry, std::string_view label) {
  static constexpr std::array<std::uint32_t, 256> kTable = crc_table();
  if (entry.crc32 == 0) return;
  std::uint32_t crc = 0xffffffff;
  for (const std::byte byte : entry.bytes) {
    crc = (crc >> 8) ^ kTable[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xff];
  }
  if ((crc ^ 0xffffffff) != entry.crc32) {
    corrupt(label, printable(entry.name), ": the content does not match its checksum");
  }
}

}  // namespace sinter::checkpoint
