#pragma once
// Numbers and words into text, for the text formats of meshes. Independent of the locale.

#include <array>
#include <charconv>
#include <string_view>

#include "io/file.h"

namespace sinter::io {

/// Appends the shortest text that reads back as the same number.
template <class Number>
void append_number(Bytes& text, Number value) {
  std::array<char, 32> digits;
  char* end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  text.insert(text.end(), digits.data(), end);
}

inline void append_text(Bytes& text, std::string_view more) {
  text.insert(text.end(), more.begin(), more.end());
}

}  // namespace sinter::io
