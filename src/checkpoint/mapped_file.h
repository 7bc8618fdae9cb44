#pragma once
// A file mapped read-only into memory. Pages are read when they are first touched.

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace sinter::checkpoint {

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

  /// Tells the system that these bytes are not needed soon, so that they stop counting as resident
  /// memory. Their content stays valid and is read again when touched. Does nothing for bytes that
  /// are not a part of bytes().
  void drop_pages(std::span<const std::byte> part) const;

 private:
  MappedFile(const std::byte* data, std::size_t size) : data_(data), size_(size) {}

  const std::byte* data_;
  std::size_t size_;
};

}  // namespace sinter::checkpoint
