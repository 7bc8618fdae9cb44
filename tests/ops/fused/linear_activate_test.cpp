#include "ops/fused/linear_cases.h"

namespace sinter::fused::test {
namespace {

LinearActivate op_of(LinearCase& c) {
  return {.x = c.x.array(),
          .weight = c.weight.array(),
          .bias = c.bias.shape.empty() ? Array{} : c.bias.array(),
          .y = c.y.array(),
          .kind = c.kind};
}

TEST(FusedLinearActivate, IsTheProductAndTheActivation) {
  for (LinearCase& c : linear_cases(false)) {
    EXPECT_EQ(scratch_bytes(op_of(c)), 0U);
    run(op_of(c), {.threads = 1});
    expect_product(c, c.y);
    const Values one = c.y;
    run(op_of(c), {.threads = 3});
    expect_same(c.y, one);
    if (HasFatalFailure()) return;
  }
}

TEST(FusedLinearActivate, RefusesWhatDoesNotFit) {
  LinearCase c = std::move(linear_cases(false)[0]);
  const LinearActivate good = op_of(c);
  EXPECT_EQ(refusal(good), "");
  const auto refused = [&](auto change, const char* part) {
    LinearActivate op = good;
    change(op);
    expect_refused(op, part);
  };
  refused(
      [](auto& op) {
        op.weight.shape = {40, 63};
        op.weight.strides = {63, 1};
      },
      "expected [N, 64] for weight");
  refused([](auto& op) { op.weight.strides[0] = 65; }, "a contiguous array of f32 for weight");
  refused([](auto& op) { op.bias.shape[0] = 39; }, "[40] for bias");
  refused([](auto& op) { op.y.shape[0] = 1; }, "the shape of x with 40 columns");
  refused([](auto& op) { op.y.type = ElementType::f16; }, "for y");
  refused([](auto& op) { op.kind = static_cast<ActivationKind>(7); }, "a kind of activation");
}

}  // namespace
}  // namespace sinter::fused::test
