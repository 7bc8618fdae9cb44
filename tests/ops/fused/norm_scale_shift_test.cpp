#include "ops/fused/norm_cases.h"

namespace sinter::fused::test {
namespace {

TEST(FusedNormScaleShift, IsTheFormulaForEveryFormTypeAndLayout) {
  Moved moved;
  for (NormCase& c : norm_cases()) {
    run(c.op());
    expect_norm(c, c.y, c.sum, moved);
    if (HasFatalFailure()) return;
  }
  EXPECT_LT(moved.share(), kMostMoved);
}

TEST(FusedNormScaleShift, KeepsItsDigitsFarFromZero) {
  Values x(ElementType::f32, {1, 2, 64}), y(ElementType::f32, {1, 2, 64});
  for (std::int64_t i = 0; i < 128; ++i) x.set(i, 4096.0F + static_cast<float>(i % 2));
  run(NormScaleShift{.x = x.array(), .y = y.array(), .eps = 0.0F});
  for (std::int64_t i = 0; i < 128; ++i) EXPECT_EQ(y.at(i), i % 2 == 0 ? -1.0 : 1.0);
}

TEST(FusedNormScaleShift, DoesNotDependOnThreadsAndMayWriteOverInputs) {
  Values x = Values::random(ElementType::bf16, {37, 65}, 1),
         residual = Values::random(ElementType::bf16, {37, 65}, 2);
  Values y(x.type, x.shape), sum(x.type, x.shape), a = x, b = residual;
  run(
      NormScaleShift{
          .x = x.array(), .residual = residual.array(), .y = y.array(), .sum = sum.array()},
      {.threads = 1});
  run(NormScaleShift{.x = a.array(), .residual = b.array(), .y = a.array(), .sum = b.array()},
      {.threads = 3});
  expect_same(a, y);
  expect_same(b, sum);
}

TEST(FusedNormScaleShift, RefusesWhatDoesNotFit) {
  Values x = Values::random(ElementType::f16, {2, 6, 5}, 1), vector(ElementType::f16, {5});
  Values f32(ElementType::f32, {5}), bf16(ElementType::bf16, {5}), y(ElementType::f16, {2, 6, 5});
  const Array v = vector.array();
  const NormScaleShift good{.x = x.array(),
                            .residual = x.array(),
                            .gate = v,
                            .weight = f32.array(),
                            .bias = f32.array(),
                            .scale = v,
                            .shift = bf16.array(),
                            .y = y.array(),
                            .sum = x.array()};
  EXPECT_EQ(refusal(good), "");
  const auto refused = [&](auto change, const std::string& part) {
    NormScaleShift op = good;
    change(op);
    expect_refused(op, part);
  };
  refused([](auto& op) { op.y.type = ElementType::bf16; }, "for y");
  refused([](auto& op) { op.residual.shape[1] = 5; }, "for residual");
  refused([](auto& op) { op.sum = {}; },
          "expected residual and sum or neither, got residual alone");
  refused([](auto& op) { op.residual = op.sum = {}; }, "expected no gate without a residual");
  refused([](auto& op) { op.shift = {}; }, "expected scale and shift or neither, got scale alone");
  refused([](auto& op) { op.bias = {}; }, "expected weight and bias or neither, got weight alone");
  refused([](auto& op) { op.kind = NormKind::rms; },
          "expected nothing for the bias of an rms norm");
  refused([&](auto& op) { op.weight = bf16.array(); }, "f16 as in x or f32 for weight");
  refused([](auto& op) { op.weight.shape[0] = 4; }, "a vector of 5 contiguous elements for weight");
  refused([](auto& op) { op.gate.shape[0] = 4; }, "for gate");
  refused([](auto& op) { op.norm_type = ElementType::bf16; }, "for norm_type, got bf16");
  refused([](auto& op) { op.eps = -1.0F; }, "expected eps of at least 0");
  refused([](auto& op) { op.x.strides[2] = 2; }, "a contiguous last dimension for x");
  refused([](auto& op) { op.x.shape[0] = 0; }, "no empty dimension for x");
  refused([](auto& op) { op.scale.device = 0; }, "on the host for scale");
}

}  // namespace
}  // namespace sinter::fused::test
