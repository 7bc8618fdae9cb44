#include "pipeline/ceilings.h"

#include <algorithm>
#include <chrono>

#include "cpu/copy_rate.h"
#include "ops/linear.h"

namespace sinter::pipeline {

namespace {

/// Operations a second of a product of two square matrices of `side`.
double product_rate(Context& ctx, std::int64_t side) {
  ArenaScope scope(ctx.arena());
  const Tensor x = ctx.allocate(DType::f32, {side, side}, "ceiling");
  const Tensor y = ctx.allocate(DType::f32, {side, side}, "ceiling");
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    x.f32_mut()[i] = static_cast<float>(i % 251) / 125.0F - 1.0F;
  }
  const ops::LinearWeight weight(x, {}, ctx.threads);
  double best = 1e30;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    ops::linear_into(ctx, x, weight, y);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  const auto n = static_cast<double>(side);
  return 2 * n * n * n / best;
}

}  // namespace

Ceilings measure_ceilings(Context& ctx) {
  return {.flop_per_second = product_rate(ctx, 2048),
          .bytes_per_second = cpu::copy_rate(ctx.threads)};
}

}  // namespace sinter::pipeline
