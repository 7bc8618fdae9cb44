#include "ops/history.h"

#include <limits>

#include "ops/cuda/backend.h"
#include "ops/cuda/cuda_test.h"
#include "ops/decision.h"
#include "ops/elementwise.h"
#include "ops/transfer.h"

namespace sinter::ops::cuda::test {
namespace {

class CudaHistory : public CudaTest {};

std::vector<float> waves(std::size_t count, float frequency) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = std::sin(frequency * static_cast<float>(i));
  return values;
}

Tensor view(std::vector<float>& values, Shape shape) {
  return {.data = values.data(), .shape = shape, .name = "v"};
}

std::vector<float> values_of(Context& ctx, const Tensor& tensor) {
  ArenaScope scope(ctx.host().arena());
  const std::span<const float> values = to_host(ctx, tensor).span();
  return {values.begin(), values.end()};
}

TEST_F(CudaHistory, EqualsTheCpu) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const std::int64_t count : {1, 7, 4096, 100003}) {
      SCOPED_TRACE(cat(to_string(dtype), " ", count));
      Context host, ctx(make_backend(0), DType::f16);
      ArenaScope scope(ctx.arena());
      const auto n = static_cast<std::size_t>(count);
      std::vector<float> table(3 * n, std::numeric_limits<float>::quiet_NaN()), sum(n);
      const Tensor on_host = view(table, {3, count});
      const Tensor ring = to_device(ctx, on_host, dtype), cell = step_number(ctx);
      // Five rows into a ring of three, the last two over the first.
      for (int place = 0; place < 5; ++place) {
        if (place == 2) {  // and one that is never written
          advance(ctx, {place, cell});
          continue;
        }
        std::vector<float> x = waves(n, 0.37F + static_cast<float>(place));
        const Tensor rounded = to_device(ctx, view(x, {count}), dtype);
        store_row(ctx, ring, {place, cell}, rounded);
        std::vector<float> back = values_of(ctx, rounded);
        store_row(host, on_host, place, view(back, {count}));
        advance(ctx, {place, cell});
      }
      std::vector<float> weights = {-0.75F, 1.5F, 0.0F};
      const Tensor dst = ctx.allocate(DType::f32, {count}, "dst");
      weighted_rows(ctx, ring, to_device(ctx, view(weights, {3}), DType::f32), dst);
      weighted_rows(host, on_host, view(weights, {3}), view(sum, {count}));
      const std::vector<float> got = values_of(ctx, dst);
      // Values near 2, one fused rounding less on the device.
      for (std::size_t i = 0; i < n; ++i) ASSERT_NEAR(got[i], sum[i], 5e-7) << i;

      std::vector<float> b = waves(n, 0.21F), sums(2);
      const Tensor second = to_device(ctx, view(b, {count}), dtype);
      const Tensor first = ctx.allocate(dtype, {count}, "first");
      store_row(ctx, first.reshape({1, count}), {0, step_number(ctx)}, dst);
      std::vector<float> first_values = values_of(ctx, first),
                         second_values = values_of(ctx, second);
      measure_change(
          host, view(first_values, {count}), view(second_values, {count}), view(sums, {2}));
      const Tensor out = ctx.allocate(DType::f32, {2}, "sums");
      measure_change(ctx, first, second, out);
      const std::vector<float> once = values_of(ctx, out);
      measure_change(ctx, first, second, out);
      EXPECT_EQ(values_of(ctx, out), once);
      // Sums of f32 in parts: a few roundings each, of one sign.
      for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(once[i], sums[i], 2e-6 * sums[i] + 1e-12);
    }
  }
}

TEST_F(CudaHistory, DecidesAsTheHostDoesAndBranches) {
  Context host, ctx(make_backend(0), DType::f16);
  DecisionRule rule{.value = DecisionRule::Value::polynomial, .accumulates = true};
  rule.coefficients[0] = 0.5F;
  rule.coefficients[1] = 0.02F;
  rule.terms = 2;
  rule.threshold = 0.2F;
  rule.max_consecutive = 5;
  ArenaScope scope(ctx.arena()), host_scope(host.arena());
  constexpr int kSteps = 60;
  std::vector<float> sums(kSteps * 6, 1.0F), forced(kSteps, 0.0F), ones = {1.0F};
  for (std::size_t i = 0; i < kSteps; ++i) {
    sums[6 * i] = 0.05F + 0.1F * std::abs(std::sin(0.9F * static_cast<float>(i)));
    forced[i] = i < 2 || i == 31 ? 1.0F : 0.0F;
  }
  sums[6 * 20] = std::numeric_limits<float>::quiet_NaN();
  const Tensor sums_table = to_device(ctx, view(sums, {kSteps, 6}), DType::f32),
               forced_table = to_device(ctx, view(forced, {kSteps, 1}), DType::f32),
               one = to_device(ctx, view(ones, {1}), DType::f32);
  const auto cells = [](Context& c) {
    DecisionTensors t{.sums = {},
                      .forced = {},
                      .state = c.allocate(DType::f32, {kDecisionCells}, "state"),
                      .record = c.allocate(DType::f32, {kRecordCells}, "record"),
                      .flag = c.allocate(DType::i32, {1}, "flag")};
    set_zero(c, t.state);
    return t;
  };
  DecisionTensors on_host = cells(host), on_device = cells(ctx);
  const Tensor records = ctx.allocate(DType::f32, {kSteps, kRecordCells}, "records"),
               counts = ctx.allocate(DType::f32, {2}, "counts"), cell = step_number(ctx);
  set_zero(ctx, counts);
  const auto work = [&] {
    ArenaScope step_scope(ctx.arena());
    const Step step(0, cell);
    on_device.sums = select_row(ctx, sums_table, step);
    on_device.forced = select_row(ctx, forced_table, step);
    decide(ctx, rule, on_device);
    store_row(ctx, records, step, on_device.record);
    branch(
        ctx,
        on_device.flag,
        [&] { add_in_place(ctx, counts.slice(0, 1), one); },
        [&] { add_in_place(ctx, counts.slice(1, 2), one); });
    advance(ctx, step);
  };
  work();
  const auto recording = ctx.accelerator()->record(work);
  const HostTraffic before = ctx.accelerator()->traffic();
  for (int step = 1; step < kSteps; ++step) recording->replay();
  EXPECT_EQ(ctx.accelerator()->traffic(), before);
  const std::vector<float> got = values_of(ctx, records), counted = values_of(ctx, counts);
  float computed = 0;
  for (int step = 0; step < kSteps; ++step) {
    on_host.sums = view(sums, {kSteps, 6}).slice(step, step + 1).reshape({6});
    on_host.forced = view(forced, {kSteps, 1}).slice(step, step + 1).reshape({1});
    decide(host, rule, on_host);
    const float* row = &got[static_cast<std::size_t>(step * kRecordCells)];
    EXPECT_EQ(row[kComputed], on_host.record.f32()[kComputed]) << step;
    EXPECT_EQ(row[kAnomaly], on_host.record.f32()[kAnomaly]) << step;
    if (step != 20) {
      EXPECT_NEAR(row[kTotal], on_host.record.f32()[kTotal], 1e-6F) << step;
    }
    computed += on_host.record.f32()[kComputed];
  }
  EXPECT_EQ(counted[0], computed);
  EXPECT_EQ(counted[1], kSteps - computed);
  EXPECT_GT(computed, 5);
  EXPECT_LT(computed, kSteps - 5);
}

}  // namespace
}  // namespace sinter::ops::cuda::test
