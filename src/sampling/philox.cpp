#include "sampling/philox.h"

#include <cmath>
#include <numbers>

namespace sinter::sampling {

namespace {

struct Product {
  std::uint32_t high, low;
};

Product multiply(std::uint32_t a, std::uint32_t b) {
  const std::uint64_t product = static_cast<std::uint64_t>(a) * b;
  return {static_cast<std::uint32_t>(product >> 32), static_cast<std::uint32_t>(product)};
}

std::array<double, 2> box_muller(std::uint32_t a, std::uint32_t b) {
  constexpr double kUnit = 1.0 / 4294967296.0;
  const double radius = std::sqrt(-2.0 * std::log((a + 0.5) * kUnit));
  const double angle = 2.0 * std::numbers::pi * ((b + 0.5) * kUnit);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

constexpr std::uint32_t low(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}
constexpr std::uint32_t high(std::uint64_t value) {
  return static_cast<std::uint32_t>(value >> 32);
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key) {
  constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const Product p0 = multiply(kMultiplier0, counter[0]);
    const Product p1 = multiply(kMultiplier1, counter[2]);
    counter = {p1.high ^ counter[1] ^ key[0], p1.low, p0.high ^ counter[3] ^ key[1], p0.low};
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

void fill_normal_philox(std::uint64_t seed, std::uint64_t stream, std::span<float> out) {
  for (std::size_t first = 0; first < out.size(); first += 4) {
    const std::uint64_t block = first / 4;
    const auto words = philox4x32_10({low(block), high(block), low(stream), high(stream)},
                                     {low(seed), high(seed)});
    const auto a = box_muller(words[0], words[1]);
    const auto b = box_muller(words[2], words[3]);
    const std::array<double, 4> values = {a[0], a[1], b[0], b[1]};
    for (std::size_t i = 0; i < 4 && first + i < out.size(); ++i) {
      out[first + i] = static_cast<float>(values[i]);
    }
  }
}

}  // namespace sinter::sampling
