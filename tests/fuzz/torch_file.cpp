// Whole PyTorch checkpoints: whatever the bytes, an Error or tensors that lie in the file or beside
// it. Inputs without checksums let changes of the pickle through.

#include "checkpoint/torch_file.h"

#include <cstdlib>

#include "core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> file = std::as_bytes(std::span(data, size));
  try {
    const auto tensors = sinter::checkpoint::parse_torch_file(file, "f");
    std::size_t copied = 0;
    for (const sinter::Buffer& copy : tensors.copies) copied += copy.size();
    if (copied > size) abort();
    for (const auto& entry : tensors.entries) {
      if (entry.bytes.size() != entry.byte_count()) abort();
      std::size_t sum = 0;  // touches every byte
      for (const std::byte byte : entry.bytes) sum += std::to_integer<std::size_t>(byte);
      if (sum > 255 * entry.bytes.size()) abort();
    }
  } catch (const sinter::Error& error) {
    if (error.message().find('\n') != std::string::npos) abort();
    if (error.code() == sinter::ErrorCode::internal) abort();
  }
  return 0;
}
