#pragma once
// The JSON text of a cache configuration as a flat list of values, each found by its JSON pointer.
// Comments are allowed where white space is: `#` and `//` to the end of the line, `/* */`.

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "checkpoint/json_events.h"

namespace sinter::sampling {

/// Bounds on what is read, far above any real configuration.
inline constexpr std::size_t kMaxCacheConfigBytes = 1'000'000;
inline constexpr std::size_t kMaxCacheConfigValues = 20'000;

using JsonScalar = checkpoint::JsonScalar;

/// A value of the document: a scalar, a list of scalars, or an object, whose members have entries
/// of their own.
struct JsonEntry {
  enum class Kind : std::uint8_t { scalar, list, object };
  Kind kind = Kind::scalar;
  JsonScalar scalar = nullptr;
  std::vector<JsonScalar> list = {};
};

/// "/TaylorSeer/warmup" -> value, in alphabetical order.
using JsonEntries = std::map<std::string, JsonEntry, std::less<>>;

/// Raises ErrorCode::corrupt for text that is not one JSON document, naming line and column, and
/// ErrorCode::invalid_argument, naming the pointer, for a key that is given twice, for a list that
/// holds anything but scalars, and for a top level that is not an object.
JsonEntries read_json_entries(std::string_view text, std::string_view label);

/// The value in words: "the number 3", "a list of 5", "an object".
std::string describe(const JsonEntry& entry);

}  // namespace sinter::sampling
