#include "ops/ceiling.h"

#include <algorithm>
#include <chrono>

#include "cpu/threads.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sinter::bench {

namespace {

constexpr int kRounds = 1 << 22;
constexpr int kChains = 12;  // independent sums: enough to hide the latency of an addition

double seconds_of(const auto& body) {
  double best = 1e30;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) float spin_avx512(float factor) {
  __m512 sum[kChains];
  for (int i = 0; i < kChains; ++i) sum[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 a = _mm512_set1_ps(factor);
  for (int round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sum[i] = _mm512_fmadd_ps(sum[i], a, a);
  }
  __m512 total = sum[0];
  for (int i = 1; i < kChains; ++i) total = _mm512_add_ps(total, sum[i]);
  return _mm512_cvtss_f32(total);
}

__attribute__((target("avx2,fma"))) float spin_avx2(float factor) {
  __m256 sum[kChains];
  for (int i = 0; i < kChains; ++i) sum[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 a = _mm256_set1_ps(factor);
  for (int round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sum[i] = _mm256_fmadd_ps(sum[i], a, a);
  }
  __m256 total = sum[0];
  for (int i = 1; i < kChains; ++i) total = _mm256_add_ps(total, sum[i]);
  return _mm256_cvtss_f32(total);
}
#endif

float spin_plain(float factor) {
  float sum[4 * kChains];
  for (int i = 0; i < 4 * kChains; ++i) sum[i] = static_cast<float>(i);
  for (int round = 0; round < kRounds; ++round) {
    for (float& value : sum) value = value * factor + factor;
  }
  float total = 0.0F;
  for (const float value : sum) total += value;
  return total;
}

}  // namespace

double peak_gflops(int threads) {
  float (*spin)(float) = spin_plain;
  int lanes = 4;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    spin = spin_avx2;
    lanes = 8;
  }
  if (__builtin_cpu_supports("avx512f")) {
    spin = spin_avx512;
    lanes = 16;
  }
#endif
  volatile float factor = 0.5F;
  const double seconds = seconds_of([&] {
    cpu::parallel_ranges(threads, threads, [&](std::int64_t, std::int64_t, int) {
      volatile float sink = spin(factor);
      static_cast<void>(sink);
    });
  });
  return 2.0 * lanes * kChains * double{kRounds} * threads / seconds * 1e-9;
}

}  // namespace sinter::bench
