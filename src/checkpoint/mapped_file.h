#pragma once
// A file mapped read-only into memory. Pages are read when they are first touched.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace sinter::checkpoint {

/// What tells whether a file is still the same: two files, or one whose bytes were changed, differ.
struct FileStamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified_ns = 0, changed_ns = 0;  ///< since 1970; of the bytes, of the inode

  bool operator==(const FileStamp&) const = default;
};

/// Nothing where the system tells nothing about the path.
std::optional<FileStamp> stamp_of(const std::string& path);

/// Owner of one mapping; shared, because every tensor of a checkpoint points into it.
///
/// Out of scope: a file that another program shortens while it is mapped. Reading past its new end
/// raises SIGBUS, as for every user of mmap; replace a model file by rename, never in place.
class MappedFile {
 public:
  /// Maps a regular file. Raises ErrorCode::not_found where the path does not exist,
  /// ErrorCode::invalid_argument for a directory or a device, ErrorCode::io where the system
  /// refuses. An empty file maps to an empty span.
  static std::shared_ptr<const MappedFile> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// As it was given to open(), and the state of the file then.
  const std::string& path() const { return path_; }
  const FileStamp& stamp() const { return stamp_; }

  /// Tells the system that these bytes are not needed soon, so that they stop counting as resident
  /// memory. Their content stays valid and is read again when touched. Does nothing for bytes that
  /// are not a part of bytes().
  void drop_pages(std::span<const std::byte> part) const;

 private:
  MappedFile(const std::byte* data, std::string path, const FileStamp& stamp)
      : data_(data),
        size_(static_cast<std::size_t>(stamp.size)),
        path_(std::move(path)),
        stamp_(stamp) {}

  const std::byte* data_;
  std::size_t size_;
  std::string path_;
  FileStamp stamp_;
};

}  // namespace sinter::checkpoint
