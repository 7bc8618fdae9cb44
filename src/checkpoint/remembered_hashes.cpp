#include "checkpoint/remembered_hashes.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <span>

#include "checkpoint/sha256.h"
#include "checkpoint/temporary_file.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

constexpr std::size_t kHashDigits = 64;

std::string text_of(const FileStamp& stamp) {
  return cat(stamp.device,
             " ",
             stamp.inode,
             " ",
             stamp.size,
             " ",
             stamp.modified_ns,
             " ",
             stamp.changed_ns);
}

bool is_hash(const std::string& text) {
  return text.size() == kHashDigits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

double seconds_since(std::int64_t nanoseconds) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t whole = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  return 1e-9 * static_cast<double>(whole - nanoseconds);
}

}  // namespace

bool RememberedHashes::applies(const MappedFile& file) const {
  return !folder_.empty() && file.stamp().size >= options_.least_bytes &&
         stamp_of(file.path()) == file.stamp();
}

std::string RememberedHashes::note_path(const MappedFile& file) const {
  std::error_code ignored;
  const std::string path = std::filesystem::absolute(file.path(), ignored).string();
  Sha256 name;
  name.update(std::as_bytes(std::span(path)));
  return (std::filesystem::path(folder_) / name.finish().substr(0, kHashDigits / 2)).string();
}

std::optional<std::string> RememberedHashes::find(const MappedFile& file) const {
  if (!applies(file)) return {};
  std::ifstream note(note_path(file));
  std::string hash, stamp;
  if (!(note >> hash >> std::ws) || !std::getline(note, stamp) || !is_hash(hash)) return {};
  if (stamp != text_of(file.stamp())) return {};
  return hash;
}

void RememberedHashes::remember(const MappedFile& file, const std::string& hash) const {
  if (!applies(file) || seconds_since(file.stamp().changed_ns) < options_.settled_seconds) return;
  try {
    std::filesystem::create_directories(folder_);
    TemporaryFile note(note_path(file));
    note.write(cat(hash, " ", text_of(file.stamp()), "\n"));
    note.publish();
  } catch (const std::exception&) {
    // the next process hashes again
  }
}

}  // namespace sinter::checkpoint
