#pragma once
// SHA-256 of large files, remembered from process to process: reading gigabytes again takes longer
// than a run on a GPU.

#include <cstddef>
#include <optional>
#include <string>

#include "checkpoint/mapped_file.h"

namespace sinter::checkpoint {

/// A folder with a small file for each path. What it says of a file counts only while device,
/// inode, size and both times are what they were when it was hashed; the time of the last change of
/// the inode cannot be set back, so a file whose bytes were changed is never taken for the old one.
/// Nothing here raises: what cannot be read or written is not remembered.
class RememberedHashes {
 public:
  struct Options {
    std::size_t least_bytes = std::size_t{64} << 20;  ///< smaller files are soon hashed
    /// A file changed more recently may change again within one tick of the clock of its times.
    double settled_seconds = 2;
  };

  /// An empty folder remembers nothing. It is made when it is needed.
  explicit RememberedHashes(std::string folder) : RememberedHashes(std::move(folder), Options{}) {}
  RememberedHashes(std::string folder, const Options& options)
      : folder_(std::move(folder)), options_(options) {}

  /// Of the bytes that are mapped; nothing where they have not been hashed.
  std::optional<std::string> find(const MappedFile& file) const;
  void remember(const MappedFile& file, const std::string& hash) const;

 private:
  /// Whether the mapped file is still the one of its name, as it was mapped, and worth it.
  bool applies(const MappedFile& file) const;
  std::string note_path(const MappedFile& file) const;

  std::string folder_;
  Options options_;
};

}  // namespace sinter::checkpoint
