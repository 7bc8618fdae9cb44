#include "ops/fused/activate_cases.h"
#include "ops/fused/cuda/device_values.h"

namespace sinter::fused::test {
namespace {

using FusedActivateCuda = FusedCuda;

struct DeviceCase {
  OnDevice x, multiplier, y;
  explicit DeviceCase(const ActivateCase& c) : x(c.x), multiplier(c.multiplier), y(c.y) {}
  Activate op(const ActivateCase& c) const {
    return {.kind = c.kind,
            .x = x.array(),
            .multiplier = c.multiplied ? multiplier.array() : Array{},
            .y = y.array(),
            .rounding = c.rounding};
  }
};

// That exact gives PyTorch's bits is for tests/python to show.
TEST_F(FusedActivateCuda, IsTheFunctionForEveryKindTypeAndLayout) {
  for (const ActivateCase& c : activate_cases()) {
    DeviceCase device(c);
    ASSERT_EQ(refusal(device.op(c)), "");
    run(device.op(c));
    expect_activated(c, device.y.fetch());
    if (HasFatalFailure()) return;
  }
}

TEST_F(FusedActivateCuda, RunsInGraphsAndInPlace) {
  const auto make = [](unsigned seed) {
    return ActivateCase{.kind = ActivationKind::gelu_tanh,
                        .x = Values::random(ElementType::bf16, {700, 264}, seed),
                        .y = Values(ElementType::bf16, {700, 264}),
                        .rounding = Rounding::fast};
  };
  const ActivateCase first = make(1), second = make(10);
  DeviceCase device(first);
  Activate op = device.op(first);
  const CapturedGraph graph([&](const Execution& execution) { run(op, execution); });
  graph.run();
  expect_activated(first, device.y.fetch());
  device.x.set(second.x);
  device.y.set(second.y);
  graph.run();
  expect_activated(second, device.y.fetch());
  op.y = op.x;
  run(op);
  expect_same(device.x.fetch(), device.y.fetch());
}

}  // namespace
}  // namespace sinter::fused::test
