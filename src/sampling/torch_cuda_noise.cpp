#include "sampling/torch_cuda_noise.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "sampling/philox.h"

namespace sinter::sampling {

namespace {

/// Sine first, then cosine. The uniform values are rounded to fp32 as on the card, where a multiply
/// and an add of one expression are one operation; what follows is in double, rounded once.
std::array<float, 2> box_muller(std::uint32_t a, std::uint32_t b) {
  constexpr float kUnit = 2.3283064e-10F;               // 2^-32
  constexpr float kTurn = 2.3283064e-10F * 6.2831855F;  // 2 pi 2^-32
  const float u = std::fma(static_cast<float>(a), kUnit, kUnit / 2);
  const float angle = std::fma(static_cast<float>(b), kTurn, kTurn / 2);
  const double radius = std::sqrt(-2.0 * std::log(static_cast<double>(u)));
  return {static_cast<float>(radius * std::sin(static_cast<double>(angle))),
          static_cast<float>(radius * std::cos(static_cast<double>(angle)))};
}

}  // namespace

void fill_normal_torch_cuda(std::uint64_t seed, std::uint32_t card_threads, std::span<float> out) {
  constexpr std::size_t kBlock = 256, kComponents = 4;
  SINTER_CHECK(card_threads > 0 && card_threads % kBlock == 0,
               ErrorCode::invalid_argument,
               "[noise] torch-cuda: expected a positive multiple of 256 threads, got ",
               card_threads);
  SINTER_CHECK(out.size() <= std::size_t{1} << 31,
               ErrorCode::invalid_argument,
               "[noise] torch-cuda: expected at most 2^31 values, got ",
               out.size());
  const std::size_t blocks = (out.size() + kBlock - 1) / kBlock;
  const std::size_t threads = std::min(blocks * kBlock, std::size_t{card_threads});
  const std::array<std::uint32_t, 2> key = {static_cast<std::uint32_t>(seed),
                                            static_cast<std::uint32_t>(seed >> 32)};
  for (std::size_t thread = 0; thread < std::min(threads, out.size()); ++thread) {
    std::uint32_t draw = 0;
    for (std::size_t first = thread; first < out.size(); first += threads * kComponents) {
      const auto words = philox4x32_10({draw++, 0, static_cast<std::uint32_t>(thread), 0}, key);
      const auto low = box_muller(words[0], words[1]);
      const auto high = box_muller(words[2], words[3]);
      const std::array<float, kComponents> values = {low[0], low[1], high[0], high[1]};
      for (std::size_t k = 0; k < kComponents && first + k * threads < out.size(); ++k) {
        out[first + k * threads] = values[k];
      }
    }
  }
}

}  // namespace sinter::sampling
