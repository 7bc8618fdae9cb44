#pragma once
// A file that appears under its name only when it is complete.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sinter::checkpoint {

/// Written beside its target under another name, which the destructor removes unless publish() gave
/// it its own. Raises ErrorCode::io where the system refuses (disk full, directory, permissions).
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& target);
  ~TemporaryFile();
  TemporaryFile(TemporaryFile&& other) noexcept;
  TemporaryFile& operator=(TemporaryFile&&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  /// Says that the content is complete, so that a full disk shows before anything is published.
  void close();
  /// close(), then replaces whatever has the target's name.
  void publish();

 private:
  [[noreturn]] void fail_errno() const;

  std::string target_;
  std::string name_;  // empty once it is gone
  int descriptor_ = -1;
};

}  // namespace sinter::checkpoint
