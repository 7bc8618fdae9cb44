#include "io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/error.h"
#include "io/errno_text.h"

namespace sinter::io {
namespace {

namespace fs = std::filesystem;

/// Closes a descriptor when the scope ends.
class Descriptor {
 public:
  explicit Descriptor(int file) : file_(file) {}
  ~Descriptor() {
    if (file_ >= 0) ::close(file_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return file_; }

 private:
  int file_;
};

}  // namespace

std::string printable(const fs::path& path) {
  std::string text = path.string();
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

Bytes read_file(const fs::path& path, std::string_view who, std::size_t limit) {
  const auto refuse = [&](ErrorCode code, const auto&... parts) {
    fail(code, "[", who, "] ", printable(path), ": ", parts...);
  };
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) {
    const int error = errno;
    if (error == ENOENT) refuse(ErrorCode::not_found, "no such file");
    refuse(code_of_errno(error), "cannot be opened (", text_of_errno(error), ")");
  }
  if (S_ISDIR(status.st_mode)) {
    refuse(ErrorCode::invalid_argument, "is a directory; expected a file");
  }
  const bool regular = S_ISREG(status.st_mode);
  const auto announced = regular ? static_cast<std::size_t>(status.st_size) : 0;
  const auto refuse_length = [&] {
    refuse(ErrorCode::unsupported, "longer than the limit of ", limit, " bytes");
  };
  if (announced > limit) refuse_length();
  try {
    // One byte more than announced, so that the loop sees the end of a file without growing.
    Bytes bytes(std::max<std::size_t>(announced + 1, regular ? 0 : 65536));
    std::size_t size = 0;
    while (true) {
      if (size == bytes.size()) bytes.resize(bytes.size() + bytes.size() / 2 + 65536);
      const std::size_t room = std::min<std::size_t>(bytes.size() - size, std::size_t{1} << 30);
      const ssize_t count = ::read(file.get(), bytes.data() + size, room);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) refuse(ErrorCode::io, "cannot be read (", text_of_errno(errno), ")");
      if (count == 0) break;
      size += static_cast<std::size_t>(count);
      if (size > limit) refuse_length();
    }
    bytes.resize(size);
    return bytes;
  } catch (const std::bad_alloc&) {
    refuse(ErrorCode::out_of_memory, "no memory for the file");
  }
  return {};
}

}  // namespace sinter::io
