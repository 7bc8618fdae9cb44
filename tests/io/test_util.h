#pragma once
// What the io tests share: a folder that goes away, and the check that an error is one clear line.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <string>

#include "core/error.h"
#include "io/file.h"

namespace sinter::io::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sinter-io-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }
  /// Number of entries, hidden ones included.
  long entries() const {
    return std::distance(std::filesystem::directory_iterator(path_),
                         std::filesystem::directory_iterator());
  }

 private:
  std::filesystem::path path_;
};

/// The error that `action` raises; fails the test where there is none, or where its message is not
/// one line that starts with "[".
inline Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_TRUE(error.message().starts_with("[")) << error.message();
    EXPECT_EQ(error.message().find_first_of("\n\r"), std::string::npos) << error.message();
    EXPECT_LT(error.message().size(), 400u) << error.message();
    return error;
  }
  ADD_FAILURE() << "no error raised";
  return Error(ErrorCode::internal, "");
}

/// Expects exactly that message.
inline void expect_error(ErrorCode code,
                         const std::string& message,
                         const std::function<void()>& action) {
  const Error error = error_of(action);
  EXPECT_STREQ(to_string(error.code()), to_string(code)) << error.message();
  EXPECT_EQ(error.message(), message);
}

inline Bytes bytes_of(std::string_view text) {
  return Bytes(text.begin(), text.end());
}

/// Deterministic numbers without the differences between standard libraries' distributions.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint32_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(state_ >> 33);
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(next() >> 7); }
  int below(int bound) { return static_cast<int>(next() % static_cast<std::uint32_t>(bound)); }
  /// In [-1, 1).
  float signed_unit() { return static_cast<float>(next()) / 1073741824.0f - 1.0f; }

 private:
  std::uint64_t state_;
};

}  // namespace sinter::io::test
