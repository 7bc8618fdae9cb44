#include "checkpoint/temporary_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <system_error>
#include <utility>

#include "core/error.h"

namespace sinter::checkpoint {

TemporaryFile::TemporaryFile(const std::string& target) : target_(target) {
  struct stat info {};
  SINTER_CHECK(::stat(target.c_str(), &info) != 0 || S_ISREG(info.st_mode),
               ErrorCode::io,
               "[checkpoint] ",
               target,
               ": cannot write: exists and is not a regular file");
  // A name that nobody has: another thread may be writing the same target.
  std::random_device random;
  constexpr int kAttempts = 100;
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    name_ = cat(target, ".", random(), ".tmp");
    descriptor_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && (errno != EEXIST || attempt == kAttempts)) fail_errno();
  }
}

TemporaryFile::~TemporaryFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!name_.empty()) ::unlink(name_.c_str());
}

TemporaryFile::TemporaryFile(TemporaryFile&& other) noexcept
    : target_(std::move(other.target_)),
      name_(std::exchange(other.name_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

void TemporaryFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_errno();
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void TemporaryFile::write(std::string_view text) {
  write(std::as_bytes(std::span(text)));
}

void TemporaryFile::close() {
  if (descriptor_ >= 0 && ::close(std::exchange(descriptor_, -1)) != 0) fail_errno();
}

void TemporaryFile::publish() {
  close();
  if (::rename(name_.c_str(), target_.c_str()) != 0) fail_errno();
  name_.clear();
}

void TemporaryFile::fail_errno() const {
  fail(ErrorCode::io,
       "[checkpoint] ",
       target_,
       ": cannot write: ",
       std::generic_category().message(errno));
}

}  // namespace sinter::checkpoint
