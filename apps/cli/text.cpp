#include "text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace sinter::cli {

namespace {
template <class... Args>
std::string format(const char* pattern, Args... args) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), pattern, args...);
  return text.data();
}
}  // namespace

std::string grouped(std::int64_t value) {
  const std::string digits = std::to_string(value);
  const std::size_t sign = digits[0] == '-' ? 1 : 0;
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > sign && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array units = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return format(unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

std::optional<std::uint64_t> parse_bytes(const std::string& text) {
  constexpr std::pair<const char*, double> kUnits[] = {{"", 1},
                                                       {"B", 1},
                                                       {"kB", 1e3},
                                                       {"KB", 1e3},
                                                       {"MB", 1e6},
                                                       {"GB", 1e9},
                                                       {"KiB", 0x1p10},
                                                       {"MiB", 0x1p20},
                                                       {"GiB", 0x1p30}};
  double number = 0;
  const char* const end = text.data() + text.size();
  auto [unit, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc()) return {};
  while (unit != end && *unit == ' ') ++unit;
  for (const auto& [name, factor] : kUnits) {
    if (std::string(unit, end) != name) continue;
    const double bytes = number * factor;
    constexpr double kMost = 0x1p63;
    if (bytes >= 1 && bytes < kMost) return static_cast<std::uint64_t>(bytes);
  }
  return {};
}

std::string seconds_text(double seconds) {
  if (seconds < 60) return format("%.1f s", seconds);
  const auto whole = static_cast<long>(seconds + 0.5);
  return format("%ld:%02ld", whole / 60, whole % 60);
}

std::string number(double value, int digits) {
  return format("%.*g", digits, value);
}

void print_pairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::size_t width = 0;
  for (const auto& [name, value] : pairs) width = std::max(width, name.size());
  for (const auto& [name, value] : pairs) {
    std::printf("%-*s  %s\n", static_cast<int>(width), name.c_str(), value.c_str());
  }
}

}  // namespace sinter::cli
