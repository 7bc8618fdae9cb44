#pragma once
// The record of a batch: DIR/manifest.jsonl, one JSON object a line, one line an item that ended.
//
// Lines are appended whole and forced to the disk; nothing is ever rewritten. What a crash left of
// a line is passed over when the file is read, and the last line of an output counts.

#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace sinter::cli {

using Json = nlohmann::ordered_json;

class BatchManifest {
 public:
  /// Opens or creates the manifest of a folder, and locks it: raises ErrorCode::io where another
  /// batch is at work there or the file cannot be written.
  explicit BatchManifest(const std::string& folder);
  ~BatchManifest();
  BatchManifest(const BatchManifest&) = delete;
  BatchManifest& operator=(const BatchManifest&) = delete;

  /// The last entry of that output; null where there is none.
  const Json& last(const std::string& output) const;
  /// `entry` has "output". Raises ErrorCode::io.
  void append(const Json& entry);

  const std::string& path() const { return path_; }

 private:
  void read();

  std::string path_;
  int file_ = -1;
  std::map<std::string, Json> entries_;
};

}  // namespace sinter::cli
