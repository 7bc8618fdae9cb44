#pragma once
// Lets minizip read from and write to memory.

#include <minizip/ioapi.h>

#include <cstdint>
#include <span>
#include <vector>

namespace sinter::io {

/// A file that minizip sees: `read` where one is to be read, otherwise `written`. Functions that
/// minizip calls cannot throw; a failed allocation is remembered in `out_of_memory`.
struct ZipMemory {
  std::span<const std::uint8_t> read;
  std::vector<std::uint8_t> written;
  std::uint64_t at = 0;
  bool writing = false;
  bool out_of_memory = false;

  std::uint64_t size() const { return writing ? written.size() : read.size(); }
  /// Valid as long as this object stays where it is.
  zlib_filefunc64_def functions();
};

}  // namespace sinter::io
