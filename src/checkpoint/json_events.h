#pragma once
// JSON as a stream of events, so that a hostile document costs no memory of its own, and so that
// the (slow to compile) JSON library is included in one source.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace sinter::checkpoint {

/// An integer that fits neither 64-bit type arrives as a double.
using JsonScalar =
    std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string>;

class JsonHandler {
 public:
  virtual ~JsonHandler() = default;
  virtual void begin_object() = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
  /// Repeated keys are passed on as they come.
  virtual void key(std::string& name) = 0;
  virtual void scalar(const JsonScalar& value) = 0;
};

/// Raises ErrorCode::corrupt, "[checkpoint] label: not valid JSON at byte 12", with line and column
/// behind the first line, for anything but one valid UTF-8 document nested at most 16 deep.
void parse_json(std::string_view text, std::string_view label, JsonHandler& handler);

/// The text as a JSON string with its quotes. Raises ErrorCode::invalid_argument where it is not
/// valid UTF-8.
std::string json_quoted(std::string_view text);

/// "the string "a"", "the number 3", "null", ...: for messages.
std::string describe(const JsonScalar& value);

}  // namespace sinter::checkpoint
