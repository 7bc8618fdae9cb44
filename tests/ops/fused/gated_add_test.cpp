#include "ops/fused/gated_add_cases.h"

namespace sinter::fused::test {
namespace {

TEST(FusedGatedAdd, IsTheFormulaForEveryFormTypeAndLayout) {
  for (GatedAddCase& c : gated_add_cases()) {
    run(c.op());
    const ElementType type = c.x.type, product_type = promoted(type, c.gate.type);
    expect_values(c.y, 0.0, [&](std::int64_t i) {
      const double x = c.x.at(i), residual = c.residual.at(i), gate = c.gate.at(c.gate_of(i));
      if (c.rounding == Rounding::fast)
        return nearest(
            std::fma(static_cast<float>(gate), static_cast<float>(x), static_cast<float>(residual)),
            type);
      // Each operator computes in f32 and rounds to its type.
      const double product = nearest(nearest(gate * x, ElementType::f32), product_type);
      return nearest(nearest(product + residual, ElementType::f32), type);
    });
  }
}

TEST(FusedGatedAdd, DoesNotDependOnThreads) {
  Values x = Values::random(ElementType::f16, {2, 37, 65}, 1),
         gate = Values::random(ElementType::f32, {2, 1, 65}, 2);
  Values one(x.type, x.shape), many(x.type, x.shape);
  GatedAdd op{.x = x.array(), .residual = x.array(), .gate = gate.array(), .y = one.array()};
  run(op, {.threads = 1});
  op.y = many.array();
  run(op, {.threads = 3});
  expect_same(many, one);
}

TEST(FusedGatedAdd, MayWriteOverAnInput) {
  const Values x = Values::random(ElementType::bf16, {3, 19}, 3);
  Values residual = Values::random(ElementType::bf16, {3, 19}, 4), y(x.type, x.shape);
  Values a = x, gate = Values::random(ElementType::bf16, {19}, 5);
  run(GatedAdd{.x = a.array(), .residual = residual.array(), .gate = gate.array(), .y = y.array()});
  run(GatedAdd{.x = a.array(), .residual = residual.array(), .gate = gate.array(), .y = a.array()});
  expect_same(a, y);
}

TEST(FusedGatedAdd, RefusesWhatDoesNotFit) {
  Values x = Values::random(ElementType::f16, {2, 6, 5}, 1), gate(ElementType::f16, {5});
  const GatedAdd good{.x = x.array(), .residual = x.array(), .gate = gate.array(), .y = x.array()};
  EXPECT_EQ(refusal(good), "");
  GatedAdd op = good;
  op.residual.shape[1] = 5;
  expect_refused(op,
                 "expected the type and shape of x, f16 [2, 6, 5] on the host for residual, got "
                 "f16 [2, 5, 5]");
  op = good;
  op.y.type = ElementType::bf16;
  expect_refused(op, "for y");
  op = good;
  op.gate = {};
  expect_refused(op, "for gate");
  op = good;
  op.gate.shape[0] = 4;
  expect_refused(op, "for gate");
  op = good;
  op.x.strides[2] = 2;
  expect_refused(op, "a contiguous last dimension for x");
  op = good;
  op.gate.device = 0;
  expect_refused(op, "on the host for gate");
  op = good;
  op.x.shape[0] = 0;
  expect_refused(op, "no empty dimension for x");
}

}  // namespace
}  // namespace sinter::fused::test
