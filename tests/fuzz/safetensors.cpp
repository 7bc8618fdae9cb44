// The reader of safetensors files: whatever the bytes, an Error or entries that lie inside them.

#include "checkpoint/safetensors.h"

#include <cstdlib>

#include "core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> file = std::as_bytes(std::span(data, size));
  try {
    const auto header = sinter::checkpoint::parse_safetensors(file, "f");
    std::size_t total = 0;
    for (const auto& entry : header.entries) {
      const auto begin = static_cast<std::size_t>(entry.bytes.data() - file.data());
      if (begin + entry.bytes.size() > size || entry.bytes.size() != entry.byte_count()) abort();
      total += entry.bytes.size();
    }
    // the data is covered exactly once
    if (total + 8 > size) abort();
  } catch (const sinter::Error& error) {
    if (error.message().find('\n') != std::string::npos) abort();
    if (error.code() == sinter::ErrorCode::internal) abort();
  }
  return 0;
}
