#include "checkpoint/json_events.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "checkpoint/problems.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

constexpr int kMaxDepth = 16;

/// Where a byte is, counted from 1; its line and column too in a text of several lines.
std::string place_of(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, byte == 0 ? 0 : byte - 1);
  const std::size_t last = before.rfind('\n');
  if (last == std::string_view::npos) return cat("byte ", byte);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  return cat("byte ", byte, " (line ", line, ", column ", before.size() - last, ")");
}

/// Translates the library's events. A false result stops the parser.
class Adapter final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Adapter(std::string_view text, std::string_view label, JsonHandler& handler)
      : text_(text), label_(label), handler_(handler) {}

  bool null() override { return pass(nullptr); }
  bool boolean(bool value) override { return pass(value); }
  bool number_integer(number_integer_t value) override { return pass(std::int64_t{value}); }
  bool number_unsigned(number_unsigned_t value) override { return pass(std::uint64_t{value}); }
  bool number_float(number_float_t value, const string_t&) override { return pass(value); }
  bool string(string_t& value) override { return pass(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    enter();
    handler_.begin_object();
    return true;
  }
  bool key(string_t& value) override {
    handler_.key(value);
    return true;
  }
  bool end_object() override {
    --depth_;
    handler_.end_object();
    return true;
  }
  bool start_array(std::size_t) override {
    enter();
    handler_.begin_array();
    return true;
  }
  bool end_array() override {
    --depth_;
    handler_.end_array();
    return true;
  }
  bool parse_error(std::size_t position,
                   const std::string&,
                   const nlohmann::detail::exception&) override {
    fail(ErrorCode::corrupt,
         "[checkpoint] ",
         label_,
         ": not valid JSON at ",
         place_of(text_, position));
  }

 private:
  bool pass(JsonScalar value) {
    handler_.scalar(value);
    return true;
  }
  void enter() {
    SINTER_CHECK(++depth_ <= kMaxDepth,
                 ErrorCode::corrupt,
                 "[checkpoint] ",
                 label_,
                 ": JSON nested more than ",
                 kMaxDepth,
                 " deep");
  }

  std::string_view text_, label_;
  JsonHandler& handler_;
  int depth_ = 0;
};

}  // namespace

void parse_json(std::string_view text, std::string_view label, JsonHandler& handler) {
  // note: the library takes a zero byte for the end of the text and would ignore all behind it
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    fail(ErrorCode::corrupt,
         "[checkpoint] ",
         label,
         ": not valid JSON at ",
         place_of(text, zero + 1));
  }
  Adapter adapter(text, label, handler);
  try {
    nlohmann::json::sax_parse(text.begin(), text.end(), &adapter);
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[checkpoint] ", label, ": out of memory");
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorCode::corrupt, "[checkpoint] ", label, ": not valid JSON: ", error.what());
  }
}

std::string json_quoted(std::string_view text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::invalid_argument,
         "[checkpoint] ",
         printable(text),
         ": expected a name in UTF-8, got other bytes");
  }
}

std::string describe(const JsonScalar& value) {
  struct Visitor {
    std::string operator()(std::nullptr_t) const { return "null"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return cat("the number ", v); }
    std::string operator()(std::uint64_t v) const { return cat("the number ", v); }
    std::string operator()(double v) const { return cat("the number ", v); }
    std::string operator()(const std::string& v) const {
      return cat("the string \"", printable(v), "\"");
    }
  };
  return std::visit(Visitor{}, value);
}

}  // namespace sinter::checkpoint
