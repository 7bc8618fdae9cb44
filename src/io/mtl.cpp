#include "io/mtl.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/srgb.h"
#include "io/text_scanner.h"

namespace sinter::io {
namespace {

/// Words that follow an option of map_Kd; -1: one to three numbers.
int words_after(std::string_view option) {
  if (option == "-s" || option == "-o" || option == "-t") return -1;
  if (option == "-mm") return 2;
  return 1;
}

/// The rest of `words`' line.
std::string_view rest(const TextScanner& words, std::string_view line) {
  return rest_of_line(line.substr(words.offset()));
}

/// -s, -o or -t: as many numbers as there are, at most three.
std::array<double, 3> read_numbers(TextScanner& words, std::array<double, 3> values) {
  for (double& value : values) {
    TextScanner ahead = words;
    double number = 0;
    if (!parse(ahead.word(), number) || !std::isfinite(number)) break;
    value = number;
    words = ahead;
  }
  return values;
}

void read_map(TextScanner words, std::string_view line, MtlMaterial& material) {
  std::array<double, 3> scale{1, 1, 1}, offset{0, 0, 0};
  Wrap wrap = Wrap::repeat;
  while (true) {
    TextScanner ahead = words;
    const std::string_view option = ahead.word();
    if (!option.starts_with('-') || option.find('.') != std::string_view::npos) break;
    words = ahead;
    if (option == "-s") {
      scale = read_numbers(words, scale);
    } else if (option == "-o") {
      offset = read_numbers(words, offset);
    } else if (option == "-clamp") {
      wrap = words.word() == "on" ? Wrap::clamp : Wrap::repeat;
    } else if (words_after(option) < 0) {
      read_numbers(words, {});
    } else {
      for (int i = 0; i < words_after(option); ++i) words.word();
    }
  }
  material.picture = rest(words, line);
  material.look.wrap_u = material.look.wrap_v = wrap;
  material.look.place = {scale[0], 0, offset[0], 0, scale[1], offset[1]};
}

void read_colour(TextScanner words, MtlMaterial& material) {
  std::array<float, 3> colour{};
  for (float& c : colour) {
    double value = 0;
    if (!parse(words.word(), value) || !std::isfinite(value)) return;
    c = static_cast<float>(linear_from_srgb(std::clamp(value, 0.0, 1.0)));
  }
  material.look.colour = colour;
}

}  // namespace

std::string_view rest_of_line(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r\v\f";
  const std::size_t begin = line.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlanks) + 1 - begin);
}

std::map<std::string, MtlMaterial, std::less<>> parse_mtl(std::string_view text) {
  std::map<std::string, MtlMaterial, std::less<>> materials;
  MtlMaterial* current = nullptr;
  TextScanner lines(text);
  while (lines.left() > 0) {
    const std::string_view line = lines.line();
    TextScanner words(line);
    const std::string_view keyword = words.word();
    if (keyword == "newmtl") {
      current = &(materials[std::string(rest(words, line))] = {});
    } else if (current != nullptr && keyword == "Kd") {
      read_colour(words, *current);
    } else if (current != nullptr && keyword == "map_Kd") {
      read_map(words, line, *current);
    }
  }
  for (auto& [name, material] : materials) {
    const auto& [r, g, b] = material.look.colour;
    if (!material.picture.empty() && r == 0 && g == 0 && b == 0) material.look.colour = {1, 1, 1};
  }
  return materials;
}

}  // namespace sinter::io
