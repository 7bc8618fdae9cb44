#include "batch_manifest.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "sinter/error.h"

namespace sinter::cli {

namespace {
[[noreturn]] void fail(const std::string& what, const std::string& path) {
  throw Error(ErrorCode::io, "[batch] manifest: " + what + " (" + path + ")");
}
}  // namespace

BatchManifest::BatchManifest(const std::string& folder) : path_(folder + "/manifest.jsonl") {
  file_ = open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0)
    fail(std::string("expected a file to append to, got ") + std::strerror(errno), path_);
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    close(file_);
    fail("expected no other batch in this folder, found one at work", path_);
  }
  try {
    read();
  } catch (...) {
    close(file_);
    throw;
  }
}

BatchManifest::~BatchManifest() {
  close(file_);
}

void BatchManifest::read() {
  std::ifstream file(path_, std::ios::binary);
  std::string line;
  bool ended = true;
  while (std::getline(file, line)) {
    ended = !file.eof();
    Json entry = Json::parse(line, nullptr, false);
    if (!entry.is_object() || !entry.contains("output") || !entry["output"].is_string()) continue;
    std::string output = entry["output"];
    entries_[std::move(output)] = std::move(entry);
  }
  // A line that a crash cut short must not swallow the next one.
  if (!ended && write(file_, "\n", 1) != 1) fail(std::strerror(errno), path_);
}

const Json& BatchManifest::last(const std::string& output) const {
  static const Json kNone;
  const auto found = entries_.find(output);
  return found == entries_.end() ? kNone : found->second;
}

void BatchManifest::append(const Json& entry) {
  // Paths may hold bytes that are not UTF-8; they are replaced rather than refused.
  const std::string line =
      entry.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t count = write(file_, line.data() + done, line.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(std::strerror(errno), path_);
    done += static_cast<std::size_t>(count);
  }
  if (fsync(file_) != 0 && errno != EINVAL) fail(std::strerror(errno), path_);
  entries_[entry.at("output")] = entry;
}

}  // namespace sinter::cli
