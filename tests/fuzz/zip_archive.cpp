// The reader of zip archives: whatever the bytes, an Error or entries that divide the file.

#include "checkpoint/zip_archive.h"

#include <algorithm>
#include <cstdlib>

#include "core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sinter::checkpoint;
  const std::span<const std::byte> file = std::as_bytes(std::span(data, size));
  try {
    const ZipArchive archive = ZipArchive::parse(file, "f");
    std::vector<std::pair<const std::byte*, const std::byte*>> ranges;
    for (const ZipEntry& entry : archive.entries()) {
      const std::byte* begin = entry.bytes.data();
      const std::byte* end = begin + entry.bytes.size();
      if (begin < file.data() || end > file.data() + size) abort();
      if (archive.find(entry.name) != &entry) abort();
      ranges.emplace_back(begin, end);
    }
    std::sort(ranges.begin(), ranges.end());
    for (std::size_t i = 1; i < ranges.size(); ++i) {
      if (ranges[i].first < ranges[i - 1].second) abort();
    }
    for (const ZipEntry& entry : archive.entries()) check_crc32(entry, "f");
  } catch (const sinter::Error& error) {
    if (error.message().find('\n') != std::string::npos) abort();
    if (error.code() == sinter::ErrorCode::internal) abort();
  }
  return 0;
}
