#include "pipeline/ceilings.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

#include "cpu/copy_rate.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/transfer.h"

namespace sinter::pipeline {

namespace {

/// Seconds of `work`, best of a few; on a device the work is waited for.
template <class Work>
double best_seconds(Context& ctx, Work work) {
  double best = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    work();
    if (ctx.accelerator()) ctx.accelerator()->synchronize();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

/// Operations a second of a product of two square matrices of `side`.
double product_rate(Context& ctx, std::int64_t side) {
  ArenaScope scope(ctx.arena());
  std::vector<float> values(static_cast<std::size_t>(side * side));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i % 251) / 125.0F - 1.0F;
  }
  const Tensor host{values.data(), DType::f32, Device::cpu, {side, side}, "ceiling"};
  Placement placement = ctx.placement();
  placement.fp8 = false;  // most stages compute in the context's type with it too
  const ops::LinearWeight weight(host, {}, placement);
  const Tensor x = ops::to_device(ctx, host), y = ctx.activation({side, side}, "ceiling");
  const auto n = static_cast<double>(side);
  return 2 * n * n * n / best_seconds(ctx, [&] { ops::linear_into(ctx, x, weight, y); });
}

/// Bytes read and written a second by a copy on the device.
double device_copy_rate(Context& ctx) {
  ArenaScope scope(ctx.arena());
  constexpr std::int64_t kRows = 65536, kColumns = 4096;  // half a gigabyte, ten times the cache
  const Tensor x = ctx.activation({kRows, kColumns}), y = ctx.activation({kRows, kColumns});
  ops::set_zero(ctx, x);
  const auto bytes = 2 * static_cast<double>(x.bytes());
  return bytes / best_seconds(ctx, [&] { ops::copy_into(ctx, y, x); });
}

}  // namespace

Ceilings measure_ceilings(Context& ctx) {
  const bool host = ctx.device() == Device::cpu;
  return {.flop_per_second = product_rate(ctx, host ? 2048 : 8192),
          .bytes_per_second = host ? cpu::copy_rate(ctx.threads) : device_copy_rate(ctx)};
}

}  // namespace sinter::pipeline
