#pragma once
// Checked reading of single values of a cache configuration, and of what is wrong with them.
// Internal to the room.

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/problems.h"
#include "core/error.h"
#include "sampling/cache_document.h"

namespace sinter::sampling {

/// Edits that make one word the other.
inline std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
    }
  }
  return row.back();
}

template <class Names>
std::string joined(const Names& names) {
  std::string text;
  for (const std::string_view name : names) text += cat(text.empty() ? "" : ", ", name);
  return text;
}

/// The entries of a document. A value that is missing leaves what it would set; one that is wrong
/// is noted among the problems, by a code and its JSON pointer.
class CacheValues {
 protected:
  explicit CacheValues(JsonEntries entries) : entries_(std::move(entries)) {}

  // ---- problems ----

  template <class... Parts>
  void refuse(const char* code, const std::string& pointer, const Parts&... parts) {
    const ErrorCode kind = std::string_view(code) == "E_UNSUPPORTED" ? ErrorCode::unsupported
                                                                     : ErrorCode::invalid_argument;
    problems_.add(cat(code, " ", checkpoint::printable(pointer), ": ", parts...), kind);
  }
  template <class Names>
  void refuse_key(const std::string& pointer, std::string_view name, const Names& known) {
    const auto nearest = std::min_element(known.begin(), known.end(), [&](auto a, auto b) {
      return distance(a, name) < distance(b, name);
    });
    refuse("E_UNKNOWN", pointer, "unknown key; the nearest known one is ", *nearest);
  }

  // ---- values ----

  const JsonEntry* find(const std::string& pointer) const {
    const auto place = entries_.find(pointer);
    return place == entries_.end() ? nullptr : &place->second;
  }
  /// The scalar as T, where it is there and of that type.
  template <class T>
  const T* scalar(const std::string& pointer, const char* expected) {
    const JsonEntry* entry = find(pointer);
    if (entry == nullptr) return nullptr;
    const T* value =
        entry->kind == JsonEntry::Kind::scalar ? std::get_if<T>(&entry->scalar) : nullptr;
    if (value == nullptr) {
      refuse("E_TYPE", pointer, "expected ", expected, ", got ", describe(*entry));
    }
    return value;
  }
  void flag(const std::string& pointer, bool& value) {
    if (const bool* found = scalar<bool>(pointer, "true or false")) value = *found;
  }
  static std::optional<double> as_number(const JsonScalar& value) {
    if (const auto* v = std::get_if<double>(&value)) return *v;
    if (const auto* v = std::get_if<std::int64_t>(&value)) return static_cast<double>(*v);
    if (const auto* v = std::get_if<std::uint64_t>(&value)) return static_cast<double>(*v);
    return {};
  }
  static std::optional<std::int64_t> as_integer(const JsonScalar& value) {
    if (const auto* v = std::get_if<std::int64_t>(&value)) return *v;
    // Above what a signed number holds: above any limit here too.
    if (const auto* v = std::get_if<std::uint64_t>(&value)) {
      constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
      return *v > static_cast<std::uint64_t>(kMost) ? kMost : static_cast<std::int64_t>(*v);
    }
    return {};
  }
  void integer(const std::string& pointer, int least, int most, int& value) {
    const JsonEntry* entry = find(pointer);
    if (entry == nullptr) return;
    const auto found =
        entry->kind == JsonEntry::Kind::scalar ? as_integer(entry->scalar) : std::nullopt;
    if (!found) {
      refuse("E_TYPE", pointer, "expected an integer, got ", describe(*entry));
    } else if (*found < least || *found > most) {
      refuse("E_RANGE", pointer, "expected ", least, "..", most, ", got ", *found);
    } else {
      value = static_cast<int>(*found);
    }
  }
  /// least <= value < most, or <= where `closed`.
  void number(const std::string& pointer, double least, double most, bool closed, double& value) {
    const JsonEntry* entry = find(pointer);
    if (entry == nullptr) return;
    const auto found =
        entry->kind == JsonEntry::Kind::scalar ? as_number(entry->scalar) : std::nullopt;
    if (!found) {
      refuse("E_TYPE", pointer, "expected a number, got ", describe(*entry));
    } else if (!(*found >= least && (closed ? *found <= most : *found < most))) {
      refuse("E_RANGE",
             pointer,
             "expected ",
             least,
             closed ? " to " : " to below ",
             most,
             ", got ",
             *found);
    } else {
      value = *found;
    }
  }
  std::optional<std::vector<double>> numbers(const std::string& pointer,
                                             std::size_t least,
                                             std::size_t most) {
    const JsonEntry* entry = find(pointer);
    if (entry == nullptr) return {};
    if (entry->kind != JsonEntry::Kind::list) {
      refuse("E_TYPE", pointer, "expected a list of numbers, got ", describe(*entry));
      return {};
    }
    std::vector<double> values;
    for (const JsonScalar& item : entry->list) {
      const auto value = as_number(item);
      if (!value) {
        refuse("E_TYPE", pointer, "expected numbers, got ", checkpoint::describe(item));
        return {};
      }
      values.push_back(*value);
    }
    if (values.size() < least || values.size() > most) {
      refuse("E_LENGTH", pointer, "expected ", least, "..", most, " numbers, got ", values.size());
      return {};
    }
    return values;
  }
  /// One of a few words, which set `value`.
  template <class Value, std::size_t Count>
  void word(const std::string& pointer,
            const std::array<std::pair<std::string_view, Value>, Count>& words,
            Value& value,
            std::string_view unsupported = {}) {
    const auto* found = scalar<std::string>(pointer, "a string");
    if (found == nullptr) return;
    for (const auto& [name, meaning] : words) {
      if (*found == name) {
        value = meaning;
        return;
      }
    }
    std::vector<std::string_view> names;
    for (const auto& [name, meaning] : words) names.push_back(name);
    const bool known = !unsupported.empty() &&
                       cat(" ", unsupported, " ").find(cat(" ", *found, " ")) != std::string::npos;
    refuse(known ? "E_UNSUPPORTED" : "E_VALUE",
           pointer,
           "expected ",
           joined(names),
           ", got \"",
           checkpoint::printable(*found),
           known ? "\", which this version does not have" : "\"");
  }
  void constant(const char* code, const std::string& pointer, std::string_view expected) {
    const auto* found = scalar<std::string>(pointer, "a string");
    if (found != nullptr && *found != expected) {
      refuse(code,
             pointer,
             "expected \"",
             expected,
             "\", got \"",
             checkpoint::printable(*found),
             "\"");
    }
  }

  JsonEntries entries_;
  checkpoint::Problems problems_;
};

}  // namespace sinter::sampling
