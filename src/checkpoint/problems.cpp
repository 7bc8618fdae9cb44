#include "checkpoint/problems.h"

namespace sinter::checkpoint {

void Problems::add(std::string text, ErrorCode code) {
  code_ = count_ == 0 || code == code_ ? code : ErrorCode::corrupt;
  if (++count_ <= kShown) shown_.push_back(std::move(text));
}

std::string Problems::str() const {
  std::string text = count_ == 1 ? "" : cat(count_, " problems: ");
  for (std::size_t i = 0; i < shown_.size(); ++i) {
    if (i > 0) text += "; ";
    text += shown_[i];
  }
  if (count_ > kShown) text += cat("; and ", count_ - kShown, " more");
  return text;
}

void Problems::raise(std::string_view label) const {
  if (!empty()) fail(code_, "[checkpoint] ", label, ": ", str());
}

void Problems::raise_if_enough(std::string_view label) const {
  if (enough()) fail(code_, "[checkpoint] ", label, ": at least ", str());
}

std::string printable(std::string_view text) {
  constexpr std::size_t kLongest = 160;
  std::string result(text.substr(0, kLongest));
  for (char& c : result) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  if (text.size() > kLongest) result += "...";
  return result;
}

}  // namespace sinter::checkpoint
