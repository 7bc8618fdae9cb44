#include "io/zip_memory.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>

namespace sinter::io {
namespace {

ZipMemory& memory(voidpf stream) {
  return *static_cast<ZipMemory*>(stream);
}

voidpf open_memory(voidpf opaque, const void*, int) {
  memory(opaque).at = 0;
  return opaque;
}

uLong read_memory(voidpf, voidpf stream, void* buffer, uLong size) {
  ZipMemory& file = memory(stream);
  if (file.at >= file.size()) return 0;
  const auto count = std::min<std::uint64_t>(size, file.size() - file.at);
  const std::uint8_t* from = file.writing ? file.written.data() : file.read.data();
  if (count > 0) std::memcpy(buffer, from + file.at, count);
  file.at += count;
  return count;
}

uLong write_memory(voidpf, voidpf stream, const void* buffer, uLong size) {
  ZipMemory& file = memory(stream);
  if (!file.writing) return 0;
  try {
    if (file.at + size > file.written.size()) file.written.resize(file.at + size);
  } catch (const std::bad_alloc&) {
    file.out_of_memory = true;
    return 0;
  } catch (const std::length_error&) {
    file.out_of_memory = true;
    return 0;
  }
  if (size > 0) std::memcpy(file.written.data() + file.at, buffer, size);
  file.at += size;
  return size;
}

ZPOS64_T tell_memory(voidpf, voidpf stream) {
  return memory(stream).at;
}

long seek_memory(voidpf, voidpf stream, ZPOS64_T offset, int origin) {
  ZipMemory& file = memory(stream);
  const std::uint64_t base = origin == ZLIB_FILEFUNC_SEEK_SET   ? 0
                             : origin == ZLIB_FILEFUNC_SEEK_CUR ? file.at
                                                                : file.size();
  // Offsets are unsigned here, so a step backwards would wrap; nothing lies behind the end.
  if (offset > file.size() || base > file.size() - offset) return -1;
  file.at = base + offset;
  return 0;
}

int close_memory(voidpf, voidpf) {
  return 0;
}

int error_memory(voidpf, voidpf stream) {
  return memory(stream).out_of_memory ? 1 : 0;
}

}  // namespace

zlib_filefunc64_def ZipMemory::functions() {
  return {open_memory,
          read_memory,
          write_memory,
          tell_memory,
          seek_memory,
          close_memory,
          error_memory,
          this};
}

}  // namespace sinter::io
