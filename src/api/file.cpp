#include "sinter/file.h"

#include "checkpoint/sha256.h"
#include "io/file.h"

namespace sinter {

void write_file(const std::string& path, std::string_view contents) {
  io::write_file_atomically(path, contents);
}

void check_writable(const std::string& path) {
  io::check_writable(path);
}

std::string file_sha256(const std::string& path) {
  constexpr std::size_t kLimit = std::size_t{1} << 30;
  const io::Bytes bytes = io::read_file(path, "file", kLimit);
  checkpoint::Sha256 hash;
  hash.update(std::as_bytes(std::span(bytes)));
  return hash.finish();
}

}  // namespace sinter
