#include "ops/fused/cuda/device_values.h"
#include "ops/fused/gated_add_cases.h"

namespace sinter::fused::test {
namespace {

using FusedGatedAddCuda = FusedCuda;

struct DeviceCase {
  OnDevice x, residual, gate, y;
  Rounding rounding;
  explicit DeviceCase(const GatedAddCase& c)
      : x(c.x), residual(c.residual), gate(c.gate), y(c.y), rounding(c.rounding) {}
  GatedAdd op() const {
    return {.x = x.array(),
            .residual = residual.array(),
            .gate = gate.array(),
            .y = y.array(),
            .rounding = rounding};
  }
};

// Multiplication, addition and their fused form are rounded alike everywhere.
TEST_F(FusedGatedAddCuda, GivesTheHostsBits) {
  for (GatedAddCase& c : gated_add_cases()) {
    DeviceCase device(c);
    ASSERT_EQ(refusal(device.op()), "");
    run(device.op());
    run(c.op());
    expect_same(device.y.fetch(), c.y);
    if (HasFatalFailure()) return;
  }
}

TEST_F(FusedGatedAddCuda, RunsInGraphsAndOnTwoStreams) {
  const auto make = [](unsigned seed) {
    return GatedAddCase{.x = Values::random(ElementType::f16, {2, 700, 256}, seed),
                        .residual = Values::random(ElementType::f16, {2, 700, 256}, seed + 1),
                        .gate = Values::random(ElementType::f16, {2, 1, 256}, seed + 2),
                        .y = Values(ElementType::f16, {2, 700, 256})};
  };
  GatedAddCase first = make(1), second = make(10);
  DeviceCase a(first), b(second);
  const CapturedGraph graph([&](const Execution& execution) { run(a.op(), execution); });
  graph.run();
  run(first.op());
  expect_same(a.y.fetch(), first.y);
  a.x.set(second.x);
  a.y.set(Values(ElementType::f16, {2, 700, 256}));
  first.x = second.x;
  graph.run();
  run(first.op());
  expect_same(a.y.fetch(), first.y);

  const Stream left, right;
  for (int i = 0; i < 20; ++i) {
    run(a.op(), left.execution());
    run(b.op(), right.execution());
  }
  run(second.op());
  expect_same(a.y.fetch(), first.y);
  expect_same(b.y.fetch(), second.y);
}

// 2^31 + 2^20 elements: indices that wrap would leave the end as it was.
TEST_F(FusedGatedAddCuda, ReachesBeyondTwoToThe31) {
  constexpr std::int64_t kColumns = 1024, kRows = (std::int64_t{1} << 21) + 1024;
  sinter::cuda::DeviceMemory memory(static_cast<std::size_t>(kRows * kColumns) * 2);
  memory.fill(0x3C);  // f16 1.0586
  Values gate = Values::random(ElementType::f16, {kColumns}, 1);
  const OnDevice on_device(gate);
  Array x{.data = memory.as<void>(), .type = ElementType::f16, .device = 0, .rank = 2};
  x.shape = {kRows, kColumns};
  x.strides = {kColumns, 1};
  run(GatedAdd{.x = x, .residual = x, .gate = on_device.array(), .y = x});
  Values last(ElementType::f16, {kColumns}, {}, 0);
  sinter::cuda::check(cudaMemcpy(last.bytes.data(),
                                 memory.as<std::uint16_t>() + (kRows - 1) * kColumns,
                                 kColumns * 2,
                                 cudaMemcpyDeviceToHost),
                      "test");
  const double before = half_to_float(0x3C3C);
  for (std::int64_t i = 0; i < kColumns; ++i)
    ASSERT_EQ(last.at(i),
              nearest(before + nearest(before * gate.at(i), ElementType::f16), ElementType::f16));
}

}  // namespace
}  // namespace sinter::fused::test
