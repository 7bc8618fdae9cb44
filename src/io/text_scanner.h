#pragma once
// Words and numbers out of untrusted text, for the ASCII mesh formats. Independent of the locale.

#include <charconv>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace sinter::io {

class TextScanner {
 public:
  explicit TextScanner(std::string_view text) : text_(text) {}

  std::size_t offset() const { return offset_; }
  /// Bytes not yet read.
  std::size_t left() const { return text_.size() - offset_; }

  /// Next run of non-blank characters, across lines; empty at the end.
  std::string_view word() {
    while (offset_ < text_.size() && is_blank(text_[offset_])) ++offset_;
    const std::size_t begin = offset_;
    while (offset_ < text_.size() && !is_blank(text_[offset_])) ++offset_;
    return text_.substr(begin, offset_ - begin);
  }
  /// Rest of the line without its end ("\n", "\r\n"); moves to the next line.
  std::string_view line() {
    const std::size_t end = text_.find('\n', offset_);
    const std::size_t stop = end == std::string_view::npos ? text_.size() : end;
    std::string_view line = text_.substr(offset_, stop - offset_);
    offset_ = end == std::string_view::npos ? stop : end + 1;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
  }

 private:
  static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
  }

  std::string_view text_;
  std::size_t offset_ = 0;
};

/// The whole word as a number; false for anything else, and for magnitudes that double cannot hold.
template <class Number>
bool parse(std::string_view word, Number& value) {
  if (!word.empty() && word.front() == '+') word.remove_prefix(1);
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc() && end == word.data() + word.size() && !word.empty();
}

}  // namespace sinter::io
