// The reader of the index of a sharded checkpoint: an Error or plain file names.

#include "checkpoint/shard_index.h"

#include <cstdint>
#include <cstdlib>

#include "core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    for (const auto& [tensor, file] : sinter::checkpoint::parse_shard_index(text, "f")) {
      if (file.empty() || file == ".." || file.find('/') != std::string::npos) abort();
    }
  } catch (const sinter::Error& error) {
    if (error.message().find('\n') != std::string::npos) abort();
    if (error.code() == sinter::ErrorCode::internal) abort();
  }
  return 0;
}
