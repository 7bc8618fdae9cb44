#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <system_error>
#include <tuple>

#include "core/error.h"
#include "io/errno_text.h"
#include "io/file.h"

namespace sinter::io {
namespace {

namespace fs = std::filesystem;

/// One write() of at most 1 GiB, which is what Linux takes at a time; repeated until all is out.
/// Returns 0 or errno.
int write_all(int file, const std::uint8_t* data, std::size_t size) {
  while (size > 0) {
    const ssize_t count = ::write(file, data, std::min<std::size_t>(size, std::size_t{1} << 30));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? errno : EIO;
    data += count;
    size -= static_cast<std::size_t>(count);
  }
  return 0;
}

enum class Target { absent, regular, stream };

struct Place {
  Target kind = Target::absent;
  fs::path path;    // with symbolic links resolved
  mode_t mode = 0;  // of a regular file
};

[[noreturn]] void fail_output(const fs::path& path, ErrorCode code, std::string_view text) {
  fail(code, "[output] ", printable(path), ": ", text);
}

/// The directory that holds `path`, which must exist.
fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

void check_parent(const fs::path& path, const fs::path& shown) {
  const fs::path parent = parent_of(path);
  struct stat status {};
  if (::stat(parent.c_str(), &status) != 0) {
    const int error = errno;
    if (error == ENOENT) {
      fail_output(
          shown, ErrorCode::not_found, cat("the folder ", printable(parent), " does not exist"));
    }
    if (error == ENOTDIR) {
      fail_output(shown, ErrorCode::not_found, cat(printable(parent), " is not a folder"));
    }
    fail_output(shown, code_of_errno(error), text_of_errno(error));
  }
  if (!S_ISDIR(status.st_mode)) {
    fail_output(shown, ErrorCode::not_found, cat(printable(parent), " is not a folder"));
  }
}

/// Follows symbolic links and says what a write to `path` would meet.
Place find_place(const fs::path& path) {
  if (path.empty()) fail(ErrorCode::invalid_argument, "[output] the path is empty");
  Place place{Target::absent, path, 0};
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno != ENOENT && errno != ENOTDIR)
      fail_output(path, code_of_errno(errno), text_of_errno(errno));
    check_parent(path, path);
    return place;
  }
  if (S_ISLNK(status.st_mode)) {
    if (::stat(path.c_str(), &status) != 0) {
      if (errno == ENOENT) fail_output(path, ErrorCode::not_found, "is a symbolic link to nothing");
      fail_output(path, code_of_errno(errno), text_of_errno(errno));
    }
    std::error_code error;
    place.path = fs::canonical(path, error);
    // note: what /dev/stdout leads to may have no name (a pipe); it is opened under the given path
    if (error) place.path = path;
  }
  if (S_ISDIR(status.st_mode)) {
    fail_output(path, ErrorCode::invalid_argument, "is a directory; expected a file name");
  }
  if (S_ISREG(status.st_mode)) {
    place.kind = Target::regular;
    place.mode = status.st_mode & 07777;
    // note: the super-user passes access() whatever the bits say
    if ((status.st_mode & 0222) == 0 || ::access(path.c_str(), W_OK) != 0) {
      fail_output(path, ErrorCode::io, "is read-only");
    }
  } else if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
    place.kind = Target::stream;
    place.path = path;
    if (::access(path.c_str(), W_OK) != 0) {
      fail_output(path, ErrorCode::io, "is not writable (permission denied)");
    }
  } else {
    fail_output(path, ErrorCode::invalid_argument, "is neither a regular file nor a stream");
  }
  return place;
}

/// A new, empty file beside `target`. The name does not grow with the target's, which may already
/// be as long as a name can be.
std::pair<int, fs::path> create_beside(const fs::path& target, const fs::path& shown) {
  std::random_device random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    const fs::path name = cat(".sinter-", ::getpid(), "-", random(), ".tmp");
    const fs::path path = target.has_parent_path() ? target.parent_path() / name : name;
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file >= 0) return {file, path};
    const int error = errno;
    if (error == EEXIST || error == EINTR) continue;
    const std::string folder = printable(parent_of(target));
    if (error == EACCES || error == EPERM || error == EROFS) {
      fail_output(shown,
                  ErrorCode::io,
                  cat("the folder ", folder, " is not writable (", text_of_errno(error), ")"));
    }
    if (error == ENOSPC || error == EDQUOT) {
      fail_output(shown, ErrorCode::io, cat("the disk is full (", text_of_errno(error), ")"));
    }
    fail_output(shown,
                code_of_errno(error),
                cat("no file can be made in ", folder, " (", text_of_errno(error), ")"));
  }
  fail_output(shown, ErrorCode::io, "no free name for a temporary file");
}

}  // namespace

void check_writable(const fs::path& path) {
  const Place place = find_place(path);
  if (place.kind == Target::stream) return;
  // A full disk often still has room for an empty file, so a little is written.
  static constexpr std::uint8_t kProbe[4096] = {};
  const auto [file, temporary] = create_beside(place.path, path);
  int error = write_all(file, kProbe, sizeof(kProbe));
  if (::close(file) != 0 && error == 0) error = errno;
  ::unlink(temporary.c_str());
  if (error == ENOSPC || error == EDQUOT) {
    fail_output(path, ErrorCode::io, cat("the disk is full (", text_of_errno(error), ")"));
  }
  if (error != 0) fail_output(path, code_of_errno(error), text_of_errno(error));
  // A name that the directory cannot hold fails here and not after the run.
  struct stat status {};
  if (::lstat(place.path.c_str(), &status) != 0 && errno != ENOENT) {
    fail_output(path, code_of_errno(errno), text_of_errno(errno));
  }
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  const Place place = find_place(path_);
  target_ = place.path;
  if (place.kind == Target::stream) {
    file_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC);
    if (file_ < 0) fail_errno(errno);
    return;
  }
  std::tie(file_, temporary_) = create_beside(target_, path_);
  // Best effort: some file systems have no permission bits to keep.
  if (place.kind == Target::regular) static_cast<void>(!::fchmod(file_, place.mode));
}

AtomicFile::~AtomicFile() {
  discard();
}

void AtomicFile::discard() noexcept {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void AtomicFile::fail_errno(int error) const {
  if (error == ENOSPC || error == EDQUOT) {
    fail_output(path_, ErrorCode::io, cat("the disk is full (", text_of_errno(error), ")"));
  }
  fail_output(path_, code_of_errno(error), cat("cannot be written (", text_of_errno(error), ")"));
}

void AtomicFile::write(std::span<const std::uint8_t> bytes) {
  const int error = write_all(file_, bytes.data(), bytes.size());
  if (error == 0) return;
  discard();
  fail_errno(error);
}

void AtomicFile::write(std::string_view text) {
  write(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

void AtomicFile::commit() {
  int error = 0;
  // Some file systems accept data that they later cannot store and say so only here.
  if (!temporary_.empty() && ::fsync(file_) != 0 && errno != EINVAL) error = errno;
  if (::close(file_) != 0 && error == 0) error = errno;
  file_ = -1;
  if (error == 0 && !temporary_.empty() && ::rename(temporary_.c_str(), target_.c_str()) != 0) {
    error = errno;
  }
  if (error == 0) temporary_.clear();
  discard();
  if (error != 0) fail_errno(error);
}

void write_file_atomically(const fs::path& path, std::span<const std::uint8_t> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void write_file_atomically(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace sinter::io
