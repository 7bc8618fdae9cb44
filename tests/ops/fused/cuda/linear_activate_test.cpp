#include "ops/fused/cuda/device_values.h"
#include "ops/fused/linear_cases.h"

namespace sinter::fused::test {
namespace {

struct FusedLinearActivateCuda : FusedCuda {};

struct DeviceCase {
  OnDevice x, weight, bias, y;
  sinter::cuda::DeviceMemory scratch;
  bool with_bias;
  explicit DeviceCase(const LinearCase& c)
      : x(c.x), weight(c.weight), bias(c.bias), y(c.y), with_bias(!c.bias.shape.empty()) {
    scratch = sinter::cuda::DeviceMemory(scratch_bytes(op()));
  }
  LinearActivate op() const {
    return {.x = x.array(),
            .weight = weight.array(),
            .bias = with_bias ? bias.array() : Array{},
            .y = y.array(),
            .scratch = scratch.as<void>()};
  }
};

TEST_F(FusedLinearActivateCuda, IsTheProductAndTheActivation) {
  for (const LinearCase& c : linear_cases(true)) {
    DeviceCase device(c);
    ASSERT_EQ(refusal(device.op()), "");
    run(device.op());
    expect_product(c, device.y.fetch());
    if (HasFatalFailure()) return;
  }
}

TEST_F(FusedLinearActivateCuda, RunsInGraphsAndOnTwoStreams) {
  LinearCase first = std::move(linear_cases(true)[4]), second = std::move(linear_cases(true)[5]);
  DeviceCase a(first), b(second);
  run(a.op());  // a shape is planned before it is captured
  const CapturedGraph graph([&](const Execution& execution) { run(a.op(), execution); });
  first.x = Values::random(first.x.type, first.x.shape, 77);
  a.x.set(first.x);
  graph.run();
  expect_product(first, a.y.fetch());
  const Stream left, right;
  for (int i = 0; i < 10; ++i) {
    run(a.op(), left.execution());
    run(b.op(), right.execution());
  }
  expect_product(first, a.y.fetch());
  expect_product(second, b.y.fetch());
}

TEST_F(FusedLinearActivateCuda, RefusesWhatCublasLtCannotDo) {
  const DeviceCase device(linear_cases(true)[0]);
  LinearActivate op = device.op();
  op.kind = ActivationKind::gelu;
  expect_refused(op, "expected gelu_tanh");
  op = device.op();
  op.scratch = nullptr;
  expect_refused(op, "bytes of scratch");
}

}  // namespace
}  // namespace sinter::fused::test
