#pragma once
// Whole files in, whole files out: a file that sinter writes is either complete or not there.
//
// Errors are one line: "[output] chair.glb: is a directory; expected a file name".

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sinter::io {

using Bytes = std::vector<std::uint8_t>;

/// The path as it appears in messages: control characters are shown as '?', so that a message stays
/// one line.
std::string printable(const std::filesystem::path& path);

/// Reads a regular file, a pipe or a character device to its end. `who` starts the message of every
/// error ("image", "mesh"). Raises not_found (no such file), invalid_argument (a directory or a
/// socket), io (no permission, read error), unsupported (longer than `limit` bytes).
Bytes read_file(const std::filesystem::path& path, std::string_view who, std::size_t limit);

/// Raises what a later write to `path` would raise for reasons that are known now: a directory, a
/// missing parent, no permission, a file without any write permission bit (refused even for the
/// super-user), a read-only or full file system. Creates nothing that outlives the call and leaves
/// an existing file untouched. For the start of a long run.
void check_writable(const std::filesystem::path& path);

/// A file that appears under its name only when it is complete. The bytes go to a temporary file in
/// the same directory, which commit() renames over the target and every other way out removes.
///
/// What already stands at `path`:
///   nothing           created with the permissions that the umask leaves
///   regular file      replaced; its permission bits are kept
///   symbolic link     the file that it leads to is replaced, the link stays; a dangling one is
///   refused FIFO, character   written straight through, because renaming over /dev/null would
///   replace the device            device; not atomic, and opening a FIFO waits for its reader
///   anything else     refused
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::uint8_t> bytes);
  void write(std::string_view text);
  /// Flushes to the disk and renames. Without it the destructor leaves the old state.
  void commit();

 private:
  [[noreturn]] void fail_errno(int error) const;
  void discard() noexcept;

  std::filesystem::path path_;       // as given, for messages
  std::filesystem::path target_;     // with symbolic links resolved
  std::filesystem::path temporary_;  // empty when written straight through
  int file_ = -1;
};

/// AtomicFile, write, commit.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace sinter::io
