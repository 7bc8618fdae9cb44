#pragma once
// Loops over points: Fourier features, farthest-point distances.

#include "cpu/kernels.h"
#include "cpu/kernels/math.h"

namespace sinter::cpu {
namespace {

typedef double VecDouble __attribute__((vector_size(SINTER_LANES * 8)));

/// Sine and cosine for |x| < 2^20. The angle is reduced by multiples of pi / 2 in double precision,
/// so the error is that of the polynomials on [-pi/4, pi/4]: 1e-7.
SINTER_INLINE void sin_cos(Vec x, Vec& sine, Vec& cosine) {
  constexpr double kTwoOverPi = 0.63661977236758134308;
  constexpr double kPiOverTwo = 1.57079632679489661923;
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52: rounds to an integer
  constexpr float kSine[] = {-0.166666672F, 0.00833332911F, -0.000198393245F, 2.71821682e-06F};
  constexpr float kCosine[] = {0.0416666456F, -0.00138873595F, 2.44375333e-05F};
  const VecDouble wide = __builtin_convertvector(x, VecDouble);
  const VecDouble n = (wide * kTwoOverPi + kRound) - kRound;
  const Vec r = __builtin_convertvector(wide - n * kPiOverTwo, Vec);
  const VecInt quadrant = __builtin_convertvector(n, VecInt);
  const Vec s = r * r;
  const Vec near_sine = r + r * s * polynomial(s, kSine);
  const Vec near_cosine = 1.0F - 0.5F * s + s * s * polynomial(s, kCosine);
  const auto swap = (quadrant & 1) != 0;
  const VecInt sine_sign = (quadrant & 2) << 30;
  const VecInt cosine_sign = ((quadrant + 1) & 2) << 30;
  const Vec sine_value = swap ? near_cosine : near_sine;
  const Vec cosine_value = swap ? near_sine : near_cosine;
  sine = reinterpret_cast<Vec>(reinterpret_cast<VecInt>(sine_value) ^ sine_sign);
  cosine = reinterpret_cast<Vec>(reinterpret_cast<VecInt>(cosine_value) ^ cosine_sign);
}

void fourier(const FourierTask& task) {
  constexpr int kMaxAngles = 48;
  const int angles = 3 * task.num_freqs;
  float angle[kMaxAngles] = {};
  float sine[kMaxAngles];
  float cosine[kMaxAngles];
  for (std::int64_t p = 0; p < task.count; ++p) {
    const float* point = task.points + 3 * p;
    float* dst = task.dst + p * (3 + 2 * angles);
    for (int c = 0; c < 3; ++c) {
      dst[c] = point[c];
      float value = point[c] * task.base;
      for (int j = 0; j < task.num_freqs; ++j, value += value)
        angle[c * task.num_freqs + j] = value;
    }
    for (int i = 0; i < angles; i += kLanes) {
      Vec s, c;
      sin_cos(load(angle + i), s, c);
      store(sine + i, s);
      store(cosine + i, c);
    }
    __builtin_memcpy(dst + 3, sine, static_cast<std::size_t>(angles) * sizeof(float));
    __builtin_memcpy(dst + 3 + angles, cosine, static_cast<std::size_t>(angles) * sizeof(float));
  }
}

Farthest farthest(const float* const xyz[3],
                  const float point[3],
                  float* distance,
                  std::int64_t begin,
                  std::int64_t end) {
  Farthest best{-2.0F, begin};
  Vec largest = splat(-2.0F);
  constexpr std::int64_t kBlock = 64 * kLanes;
  for (std::int64_t from = begin; from < end; from += kBlock) {
    const std::int64_t to = end - from < kBlock ? end : from + kBlock;
    largest = splat(-2.0F);
    for (std::int64_t i = from; i < to; i += kLanes) {
      const std::int64_t count = to - i;
      Vec squared = {};
      for (int c = 0; c < 3; ++c) {
        const Vec x = count < kLanes ? load_partial(xyz[c] + i, count, 0.0F) : load(xyz[c] + i);
        squared += (x - point[c]) * (x - point[c]);
      }
      Vec old = count < kLanes ? load_partial(distance + i, count, -2.0F) : load(distance + i);
      old = squared < old ? squared : old;
      largest = vmax(largest, old);
      if (count < kLanes) {
        store_partial(distance + i, old, count);
      } else {
        store(distance + i, old);
      }
    }
    const float top = max_lanes(largest);
    if (!(top > best.distance)) continue;
    best.distance = top;
    best.index = from;
    while (distance[best.index] != top) ++best.index;
  }
  return best;
}

}  // namespace
}  // namespace sinter::cpu
