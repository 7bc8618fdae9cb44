#include "sampling/cache_document.h"

#include "checkpoint/problems.h"
#include "core/error.h"

namespace sinter::sampling {

namespace {

/// The text with comments replaced by blanks, so that places in it stay what they are.
std::string without_comments(std::string_view text) {
  std::string result(text);
  const auto starts = [&](std::size_t i, std::string_view with) {
    return text.substr(i, with.size()) == with;
  };
  const auto blank = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      if (result[i] != '\n') result[i] = ' ';
    }
  };
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted) {
      if (text[i] == '\\') {
        ++i;
      } else {
        quoted = text[i] != '"';
      }
      continue;
    }
    quoted = text[i] == '"';
    if (text[i] == '#' || starts(i, "//")) {
      const std::size_t end = std::min(text.find('\n', i), text.size());
      blank(i, end);
      i = end;
    } else if (starts(i, "/*")) {
      const std::size_t close = text.find("*/", i + 2);
      if (close == std::string_view::npos) return result;  // the reader stops at it
      blank(i, close + 2);
      i = close + 1;
    }
  }
  return result;
}

class Handler final : public checkpoint::JsonHandler {
 public:
  Handler(JsonEntries& entries, std::string_view label) : entries_(entries), label_(label) {}

  void begin_object() override {
    if (in_list_) refuse("expected numbers or strings in a list, got an object");
    if (levels_.empty()) {
      levels_.emplace_back();
      return;
    }
    add({.kind = JsonEntry::Kind::object});
    levels_.push_back(path());
  }
  void end_object() override { levels_.pop_back(); }
  void begin_array() override {
    if (in_list_) refuse("expected numbers or strings in a list, got a list");
    list_ = &add({.kind = JsonEntry::Kind::list});
    in_list_ = true;
  }
  void end_array() override { in_list_ = false; }
  void key(std::string& name) override { key_ = name; }
  void scalar(const JsonScalar& value) override {
    if (!in_list_) {
      add({.scalar = value});
      return;
    }
    count();
    list_->list.push_back(value);
  }

 private:
  std::string path() const {
    std::string escaped;
    for (const char c : key_) {
      escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    }
    return levels_.back() + "/" + escaped;
  }
  void count() {
    if (++count_ > kMaxCacheConfigValues) {
      refuse(cat("expected at most ", kMaxCacheConfigValues, " values"));
    }
  }
  JsonEntry& add(JsonEntry entry) {
    if (levels_.empty()) {
      fail(ErrorCode::invalid_argument,
           "[cache] the document: expected an object, got ",
           describe(entry),
           " (E_TYPE, ",
           label_,
           ")");
    }
    count();
    const auto [place, added] = entries_.emplace(path(), std::move(entry));
    if (!added) refuse("is given twice");
    return place->second;
  }
  [[noreturn]] void refuse(const std::string& what) const {
    fail(ErrorCode::invalid_argument,
         "[cache] ",
         checkpoint::printable(path()),
         ": ",
         what,
         " (E_TYPE, ",
         label_,
         ")");
  }

  JsonEntries& entries_;
  std::string_view label_;
  std::vector<std::string> levels_;  // the pointers of the objects that are open
  std::string key_;
  JsonEntry* list_ = nullptr;
  bool in_list_ = false;
  std::size_t count_ = 0;
};

}  // namespace

JsonEntries read_json_entries(std::string_view text, std::string_view label) {
  SINTER_CHECK(text.size() <= kMaxCacheConfigBytes,
               ErrorCode::unsupported,
               "[cache] ",
               label,
               ": longer than the limit of ",
               kMaxCacheConfigBytes,
               " bytes");
  JsonEntries entries;
  try {
    Handler handler(entries, label);
    checkpoint::parse_json(without_comments(text), label, handler);
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[cache] ", label, ": out of memory");
  }
  return entries;
}

std::string describe(const JsonEntry& entry) {
  switch (entry.kind) {
    case JsonEntry::Kind::object:
      return "an object";
    case JsonEntry::Kind::list:
      return cat("a list of ", entry.list.size());
    case JsonEntry::Kind::scalar:
      break;
  }
  return checkpoint::describe(entry.scalar);
}

}  // namespace sinter::sampling
