#pragma once
// Everything wrong with a file, collected so that it can be reported in one line.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace sinter::checkpoint {

/// Keeps the first kShown texts and counts the rest.
class Problems {
 public:
  static constexpr std::size_t kShown = 20;
  /// After so many a reader gives up: a hostile file could hold millions.
  static constexpr std::size_t kEnough = 1000;

  void add(std::string text, ErrorCode code = ErrorCode::corrupt);
  bool empty() const { return count_ == 0; }
  bool enough() const { return count_ >= kEnough; }
  /// The code that all problems share, else corrupt.
  ErrorCode code() const { return code_; }
  /// "text" of a single problem, else "3 problems: a; b; c", ending with "and 12 more" past kShown.
  std::string str() const;
  /// Raises "[checkpoint] label: str()" where there is any problem.
  void raise(std::string_view label) const;
  /// Raises "[checkpoint] label: at least str()" where enough(), for readers that then stop.
  void raise_if_enough(std::string_view label) const;

 private:
  std::vector<std::string> shown_;
  std::size_t count_ = 0;
  ErrorCode code_ = ErrorCode::corrupt;
};

/// Text from a file, fit for a one-line message: control characters replaced by '?', cut after 160
/// bytes.
std::string printable(std::string_view text);

}  // namespace sinter::checkpoint
