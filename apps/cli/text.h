#pragma once
// Numbers and tables for people.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter::cli {

/// 1234567 -> "1,234,567"
std::string grouped(std::int64_t value);
/// Bytes with a decimal unit: 1500000 -> "1.5 MB"
std::string bytes_text(std::uint64_t bytes);
/// "3.5GiB", "900 MB", "2000000" -> bytes; units of 1000 (kB, MB, GB) and 1024 (KiB, MiB, GiB).
/// Nothing for anything else, and for less than one byte.
std::optional<std::uint64_t> parse_bytes(const std::string& text);
/// 75.2 -> "1:15", 3.04 -> "3.0 s"
std::string seconds_text(double seconds);
/// Shortest form with `digits` significant digits.
std::string number(double value, int digits = 4);
/// Prints "name   value" lines with the values in one column.
void print_pairs(const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace sinter::cli
