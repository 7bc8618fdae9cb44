#pragma once
// Makes zip archives and pickles byte by byte, right or wrong, for the tests of their readers.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter::checkpoint {

/// Little-endian bytes of a number.
inline std::string little(std::uint64_t value, std::size_t width) {
  std::string bytes;
  for (std::size_t i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i) & 255);
  return bytes;
}

/// Bitwise CRC-32, slow and short.
inline std::uint32_t slow_crc32(std::string_view content) {
  std::uint32_t crc = ~0u;
  for (const char c : content) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc % 2 != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

/// A stored entry. The defaults are what torch.save writes; the rest are other legal forms, and
/// lies.
struct ZipPart {
  std::string name = {};
  std::string content = {};
  bool descriptor = true;  // sizes and checksum stand behind the content
  bool descriptor_signature = true;
  bool wide_descriptor = false;  // sizes of 8 bytes
  bool local_sizes = false;      // the local header has the sizes as well
  bool central64 = false;        // the directory has sizes and offset in its zip64 field
  bool local64 = false;          // the local header has sizes in its zip64 field
  std::string local_extra = std::string("FB\2\0ZZ", 6);  // torch pads with such a field
  std::string comment = {};
  std::uint16_t flags = 0x0800;
  std::uint16_t method = 0;
  std::uint16_t local_method = 0;
  std::string local_name = {};     // where it differs
  std::int64_t claimed_size = -1;  // in the directory, where it differs
  std::int64_t claimed_stored = -1;
  std::int64_t claimed_offset = -1;
  std::int64_t claimed_crc = -1;
  std::string gap = {};           // bytes in front of the entry
  std::uint16_t local_flags = 0;  // set in the local header only
};

struct ZipEnd {
  bool zip64 = false;
  bool saturated = false;  // the classic record points to the zip64 one
  std::string comment = {};
  std::int64_t count = -1, size = -1, offset = -1;        // lies of the classic record
  std::int64_t count64 = -1, size64 = -1, offset64 = -1;  // lies of the zip64 record
  std::int64_t record_at = -1, record_size = -1, disks = 1;
  std::uint16_t disk = 0;
  std::string front = {};  // bytes in front of the directory
  std::string gap = {};    // bytes behind it
};

inline std::uint64_t either(std::int64_t lie, std::uint64_t truth) {
  return lie >= 0 ? static_cast<std::uint64_t>(lie) : truth;
}

inline std::string zip_file(const std::vector<ZipPart>& parts, const ZipEnd& end = {}) {
  std::string file, directory;
  for (const ZipPart& part : parts) {
    file += part.gap;
    const std::uint64_t at = file.size(), size = part.content.size();
    const std::uint32_t crc = slow_crc32(part.content);
    const std::uint16_t flags = part.flags | (part.descriptor ? 8 : 0);
    const bool known = !part.descriptor || part.local_sizes;
    std::string extra = part.local_extra;
    if (part.local64) extra += little(1, 2) + little(16, 2) + little(size, 8) + little(size, 8);
    const std::string local_name = part.local_name.empty() ? part.name : part.local_name;
    file += little(0x04034b50, 4) + little(0, 2) + little(flags | part.local_flags, 2) +
            little(part.local_method, 2) + little(0, 4) + little(known ? crc : 0, 4) +
            little(part.local64 ? 0xffffffff
                   : known      ? size
                                : 0,
                   4) +
            little(part.local64 ? 0xffffffff
                   : known      ? size
                                : 0,
                   4) +
            little(local_name.size(), 2) + little(extra.size(), 2) + local_name + extra +
            part.content;
    if (part.descriptor) {
      const std::size_t width = part.wide_descriptor ? 8 : 4;
      if (part.descriptor_signature) file += little(0x08074b50, 4);
      file += little(crc, 4) + little(size, width) + little(size, width);
    }
    const std::uint64_t central_size = either(part.claimed_size, size);
    const std::uint64_t stored = either(part.claimed_stored, central_size);
    const std::uint64_t offset = either(part.claimed_offset, at);
    std::string central_extra;
    if (part.central64) {
      central_extra = little(0x4242, 2) + little(1, 2) + "z" + little(1, 2) + little(24, 2) +
                      little(central_size, 8) + little(stored, 8) + little(offset, 8);
    }
    directory += little(0x02014b50, 4) + little(0, 4) + little(flags, 2) + little(part.method, 2) +
                 little(0, 4) + little(either(part.claimed_crc, crc), 4) +
                 little(part.central64 ? 0xffffffff : stored, 4) +
                 little(part.central64 ? 0xffffffff : central_size, 4) +
                 little(part.name.size(), 2) + little(central_extra.size(), 2) +
                 little(part.comment.size(), 2) + little(0, 2) + little(0, 6) +
                 little(part.central64 ? 0xffffffff : offset, 4) + part.name + central_extra +
                 part.comment;
  }
  file += end.front;
  const std::uint64_t at = file.size();
  file += directory + end.gap;
  if (end.zip64) {
    const std::uint64_t count = either(end.count64, parts.size());
    const std::uint64_t record_at = either(end.record_at, file.size());
    file += little(0x06064b50, 4) + little(either(end.record_size, 44), 8) + little(0, 4) +
            little(0, 8) + little(count, 8) + little(count, 8) +
            little(either(end.size64, directory.size()), 8) + little(either(end.offset64, at), 8);
    file += little(0x07064b50, 4) + little(0, 4) + little(record_at, 8) +
            little(static_cast<std::uint64_t>(end.disks), 4);
  }
  const std::uint64_t count = end.saturated ? 0xffff : either(end.count, parts.size());
  file += little(0x06054b50, 4) + little(end.disk, 2) + little(0, 2) + little(count, 2) +
          little(count, 2) +
          little(end.saturated ? 0xffffffff : either(end.size, directory.size()), 4) +
          little(end.saturated ? 0xffffffff : either(end.offset, at), 4) +
          little(end.comment.size(), 2) + end.comment;
  return file;
}

/// Operations of a pickle, to be strung together.
namespace op {

inline std::string text(std::string_view value) {
  return "X" + little(value.size(), 4) + std::string(value);
}
inline std::string integer(std::int64_t value) {
  return std::string("\x8a\x08", 2) + little(static_cast<std::uint64_t>(value), 8);
}
inline std::string tuple(std::initializer_list<std::string> items) {
  std::string all = "(";
  for (const std::string& item : items) all += item;
  return all + "t";
}
inline std::string integers(const std::vector<std::int64_t>& values) {
  std::string all = "(";
  for (const std::int64_t value : values) all += integer(value);
  return all + "t";
}
inline std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
inline std::string call(const std::string& function, const std::string& arguments) {
  return function + arguments + "R";
}
using Pairs = std::vector<std::pair<std::string, std::string>>;
inline std::string dictionary(const Pairs& pairs) {
  std::string all = "}(";
  for (const auto& [key, value] : pairs) all += text(key) + value;
  return all + "u";
}
inline std::string storage(std::string_view type, std::string_view key, std::int64_t elements) {
  return tuple(
             {text("storage"), global("torch", type), text(key), text("cpu"), integer(elements)}) +
         "Q";
}
inline std::string tensor(const std::string& storage,
                          std::int64_t offset,
                          const std::vector<std::int64_t>& size,
                          const std::vector<std::int64_t>& stride) {
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              tuple({storage,
                     integer(offset),
                     integers(size),
                     integers(stride),
                     "\x89",
                     call(global("collections", "OrderedDict"), ")")}));
}
/// A whole pickle of protocol 2.
inline std::string pickle(const std::string& operations) {
  return "\x80\x02" + operations + ".";
}

}  // namespace op

/// What torch.save writes for this pickle and storages "0", "1", ...
inline std::string torch_file(const std::string& pickle,
                              const std::vector<std::string>& storages = {},
                              const std::string& byte_order = "little") {
  std::vector<ZipPart> parts;
  parts.push_back({.name = "archive/data.pkl", .content = pickle});
  if (!byte_order.empty()) parts.push_back({.name = "archive/byteorder", .content = byte_order});
  for (std::size_t i = 0; i < storages.size(); ++i) {
    parts.push_back({.name = "archive/data/" + std::to_string(i), .content = storages[i]});
  }
  return zip_file(parts);
}

}  // namespace sinter::checkpoint
