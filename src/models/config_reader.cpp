#include "models/config_reader.h"

#include <string>

#include "core/error.h"

namespace sinter::models {

std::int64_t read_integer(const checkpoint::ConfigNode& params,
                          std::string_view key,
                          std::int64_t fallback,
                          Range range) {
  const std::int64_t value = params.get<std::int64_t>(key, fallback);
  if (value < range.least || value > range.most) {
    params.fail_at(
        key, cat("expected an integer in ", range.least, "..", range.most, ", found ", value));
  }
  return value;
}

double read_positive(const checkpoint::ConfigNode& params,
                     std::string_view key,
                     double fallback,
                     double most) {
  const double value = params.get<double>(key, fallback);
  if (!(value > 0.0 && value <= most)) {
    params.fail_at(key, cat("expected a number in (0, ", most, "], found ", value));
  }
  return value;
}

void check_heads(const checkpoint::ConfigNode& params,
                 std::string_view width_key,
                 std::int64_t width,
                 std::int64_t heads) {
  if (width != heads * kHeadDim) {
    params.fail_at(width_key,
                   cat("expected ",
                       kHeadDim,
                       " channels for each of ",
                       heads,
                       " heads, ",
                       heads * kHeadDim,
                       " in all, found ",
                       width));
  }
}

void check_target(const checkpoint::ConfigNode& section, std::string_view expected) {
  const std::string found = section.target();
  SINTER_CHECK(found == expected,
               ErrorCode::unsupported,
               "[config] ",
               section.file(),
               ": ",
               section.path(),
               ".target: expected ",
               expected,
               ", got ",
               found);
}

}  // namespace sinter::models
