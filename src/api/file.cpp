#include "sinter/file.h"

#include "io/file.h"

namespace sinter {

void write_file(const std::string& path, std::string_view contents) {
  io::write_file_atomically(path, contents);
}

void check_writable(const std::string& path) {
  io::check_writable(path);
}

}  // namespace sinter
