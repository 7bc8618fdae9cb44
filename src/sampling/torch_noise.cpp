#include "sampling/torch_noise.h"

#include <cmath>
#include <numbers>
#include <random>

#include "core/dtype.h"
#include "core/error.h"

namespace sinter::sampling {

namespace {

float round_to_half(float value) {
  return half_to_float(float_to_half(value));
}
float keep(float value) {
  return value;
}

/// `bits` random bits make a uniform value; `round` is applied to every intermediate.
template <class Round>
void fill(std::uint64_t seed, int bits, Round round, std::span<float> out) {
  constexpr std::size_t kBlock = 16, kPairs = kBlock / 2;
  SINTER_CHECK(!out.empty() && out.size() % kBlock == 0,
               ErrorCode::invalid_argument,
               "[noise] torch-cpu: expected a multiple of 16 values, got ",
               out.size());
  const std::uint32_t mask = (1U << bits) - 1U;
  const float unit = 1.0F / static_cast<float>(1U << bits);
  std::mt19937 generator(static_cast<std::uint32_t>(seed));
  for (std::size_t first = 0; first < out.size(); first += kBlock) {
    const std::span<float> block = out.subspan(first, kBlock);
    for (float& u : block) u = static_cast<float>(generator() & mask) * unit;
    for (std::size_t j = 0; j < kPairs; ++j) {
      const float u1 = round(1.0F - block[j]);
      const float radius = round(std::sqrt(-2.0F * std::log(u1)));
      const float angle = round(static_cast<float>(2.0 * std::numbers::pi * block[j + kPairs]));
      block[j] = round_to_half(radius * std::cos(angle));
      block[j + kPairs] = round_to_half(radius * std::sin(angle));
    }
  }
}

}  // namespace

void fill_normal_torch(std::uint64_t seed, std::span<float> out) {
  fill(seed, 24, keep, out);
}

void fill_normal_torch_half(std::uint64_t seed, std::span<float> out) {
  fill(seed, 11, round_to_half, out);
}

}  // namespace sinter::sampling
