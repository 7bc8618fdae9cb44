#include "checkpoint/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <system_error>

#include "core/error.h"

namespace sinter::checkpoint {

namespace {

/// Closes the descriptor at the end of the scope; the mapping outlives it.
struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

[[noreturn]] void fail_errno(const std::string& path, int error) {
  const bool absent = error == ENOENT || error == ENOTDIR;
  fail(absent ? ErrorCode::not_found : ErrorCode::io,
       "[checkpoint] ",
       path,
       ": cannot open: ",
       std::generic_category().message(error));
}

FileStamp stamp_of(const struct stat& info) {
  const auto nanoseconds = [](const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  return {.device = info.st_dev,
          .inode = info.st_ino,
          .size = static_cast<std::uint64_t>(info.st_size),
          .modified_ns = nanoseconds(info.st_mtim),
          .changed_ns = nanoseconds(info.st_ctim)};
}

}  // namespace

std::optional<FileStamp> stamp_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return stamp_of(info);
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  // without O_NONBLOCK, opening a named pipe would wait for its writer
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.value < 0) fail_errno(path, errno);
  struct stat info {};
  if (::fstat(file.value, &info) != 0) fail_errno(path, errno);
  SINTER_CHECK(!S_ISDIR(info.st_mode),
               ErrorCode::invalid_argument,
               "[checkpoint] ",
               path,
               ": expected a file, got a directory");
  SINTER_CHECK(S_ISREG(info.st_mode),
               ErrorCode::invalid_argument,
               "[checkpoint] ",
               path,
               ": expected a regular file, got a device or pipe");
  const auto size = static_cast<std::size_t>(info.st_size);
  const FileStamp stamp = stamp_of(info);
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile(nullptr, path, stamp));
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value, 0);
  if (data == MAP_FAILED) fail_errno(path, errno);
  try {
    return std::shared_ptr<const MappedFile>(
        new MappedFile(static_cast<const std::byte*>(data), path, stamp));
  } catch (const std::bad_alloc&) {
    ::munmap(data, size);
    fail(ErrorCode::out_of_memory, "[checkpoint] ", path, ": out of memory");
  }
}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::drop_pages(std::span<const std::byte> part) const {
  const std::less<> before;
  if (part.empty() || before(part.data(), data_) || !before(part.data(), data_ + size_)) return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<std::size_t>(part.data() - data_);
  const std::size_t begin = offset / page * page;
  const std::size_t end = std::min(size_, (offset + part.size() + page - 1) / page * page);
  // a hint: if it is refused, nothing but memory is lost
  ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

}  // namespace sinter::checkpoint
