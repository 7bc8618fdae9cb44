#include "checkpoint/key_list.h"

#include <charconv>

#include "checkpoint/mapped_file.h"
#include "checkpoint/problems.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

constexpr std::size_t kMaxEntries = 100'000;

/// The parts of a text between separators; empty parts are kept.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool parse_number(std::string_view text, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 0;
}

/// One line of the list, on its way to entries.
class Line {
 public:
  Line(std::string_view text, std::string_view label, std::size_t number)
      : text_(text), label_(label), number_(number) {}

  void append_to(std::vector<TensorEntry>& entries) const {
    const std::vector<std::string_view> fields = split(text_, ' ');
    if (fields.size() != 3) fail_here("expected \"name dtype shape\"");
    const DType dtype = dtype_of(fields[1]);
    const Shape shape = shape_of(fields[2]);
    for (const std::string& name : expand(std::string(fields[0]))) {
      if (entries.size() == kMaxEntries) fail_here(cat("more than ", kMaxEntries, " tensors"));
      TensorEntry entry;
      entry.name = name;
      entry.dtype = dtype;
      entry.shape = shape;
      entries.push_back(std::move(entry));
    }
  }

 private:
  [[noreturn]] void fail_here(const std::string& problem) const {
    fail(ErrorCode::corrupt, "[key_list] ", label_, ": line ", number_, ": ", problem);
  }

  DType dtype_of(std::string_view name) const {
    for (int i = 0; i <= static_cast<int>(DType::boolean); ++i) {
      if (safetensors_name(static_cast<DType>(i)) == name) return static_cast<DType>(i);
    }
    fail_here(cat("unknown dtype ", printable(name)));
  }

  Shape shape_of(std::string_view text) const {
    if (text == "-") return {};
    std::vector<std::int64_t> extents;
    for (const std::string_view part : split(text, ',')) {
      std::int64_t extent = 0;
      if (!parse_number(part, extent)) fail_here(cat("not an extent: ", printable(part)));
      extents.push_back(extent);
    }
    return Shape(extents.data(), extents.size());
  }

  /// The words that one pair of braces stands for.
  std::vector<std::string> alternatives(std::string_view inside) const {
    std::vector<std::string> words;
    if (const std::size_t dots = inside.find(".."); dots != std::string_view::npos) {
      std::int64_t first = 0;
      std::int64_t last = 0;
      if (!parse_number(inside.substr(0, dots), first) ||
          !parse_number(inside.substr(dots + 2), last) || last < first ||
          last - first >= static_cast<std::int64_t>(kMaxEntries)) {
        fail_here(cat("not a range: {", printable(inside), "}"));
      }
      for (std::int64_t i = first; i <= last; ++i) words.push_back(std::to_string(i));
    } else {
      for (const std::string_view word : split(inside, ',')) words.emplace_back(word);
    }
    return words;
  }

  std::vector<std::string> expand(const std::string& pattern) const {
    std::vector<std::string> done = {""};
    std::string_view rest = pattern;
    while (!rest.empty()) {
      const std::size_t open = rest.find('{');
      const std::size_t close = rest.find('}');
      for (std::string& name : done) name += rest.substr(0, open);
      if (open == std::string_view::npos) break;
      if (close == std::string_view::npos || close < open) fail_here("braces do not match");
      std::vector<std::string> longer;
      for (const std::string& word : alternatives(rest.substr(open + 1, close - open - 1))) {
        for (const std::string& name : done) longer.push_back(name + word);
        if (longer.size() > kMaxEntries) fail_here(cat("more than ", kMaxEntries, " tensors"));
      }
      done = std::move(longer);
      rest.remove_prefix(close + 1);
    }
    return done;
  }

  std::string_view text_;
  std::string_view label_;
  std::size_t number_;
};

}  // namespace

std::vector<TensorEntry> parse_key_list(std::string_view text, std::string_view label) {
  std::vector<TensorEntry> entries;
  std::size_t number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (!line.empty() && line[0] != '#') Line(line, label, number).append_to(entries);
  }
  return entries;
}

std::vector<TensorEntry> read_key_list(const std::string& path) {
  const auto file = MappedFile::open(path);
  const std::span<const std::byte> bytes = file->bytes();
  return parse_key_list({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

}  // namespace sinter::checkpoint
