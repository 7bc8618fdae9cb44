#include "ops/fused/activate_cases.h"

namespace sinter::fused::test {
namespace {

TEST(FusedActivate, IsTheFunctionForEveryKindTypeAndLayout) {
  for (ActivateCase& c : activate_cases()) {
    run(c.op());
    expect_activated(c, c.y);
    if (HasFatalFailure()) return;
  }
}

// One rounding more than `fast` where a multiplier follows.
TEST(FusedActivate, ExactRoundsBeforeTheProduct) {
  const Values x = Values::random(ElementType::bf16, {4000}, 1),
               factor = Values::random(ElementType::bf16, {4000}, 2);
  ActivateCase c{.kind = ActivationKind::silu,
                 .x = x,
                 .multiplier = factor,
                 .y = Values(x.type, x.shape),
                 .multiplied = true};
  run(c.op());
  int differ = 0;
  for (std::int64_t i = 0; i < x.count(); ++i) {
    const double f = activation(c.kind, x.at(i));
    ASSERT_EQ(c.y.at(i), nearest(nearest(f, x.type) * factor.at(i), x.type));
    differ += c.y.at(i) != nearest(f * factor.at(i), x.type);
  }
  EXPECT_GT(differ, 500);
}

TEST(FusedActivate, DoesNotDependOnThreadsAndMayRunInPlace) {
  ActivateCase c{.kind = ActivationKind::gelu,
                 .x = Values::random(ElementType::f16, {37, 65}, 1),
                 .y = Values(ElementType::f16, {37, 65})};
  run(c.op(), {.threads = 1});
  Values in_place = c.x;
  run(Activate{.kind = c.kind, .x = in_place.array(), .y = in_place.array()}, {.threads = 3});
  expect_same(in_place, c.y);
}

TEST(FusedActivate, RefusesWhatDoesNotFit) {
  Values x = Values::random(ElementType::f16, {2, 6, 5}, 1);
  const Activate good{.x = x.array(), .y = x.array()};
  EXPECT_EQ(refusal(good), "");
  Activate op = good;
  op.y.type = ElementType::bf16;
  expect_refused(
      op, "expected the type and shape of x, f16 [2, 6, 5] on the host for y, got bf16 [2, 6, 5]");
  op = good;
  op.multiplier = x.array();
  EXPECT_EQ(refusal(op), "");
  op.multiplier.shape[2] = 4;
  expect_refused(op, "for multiplier");
  op = good;
  op.x.strides[0] = 31;
  expect_refused(op, "rows at one stride for x");
  op = good;
  op.x.strides[2] = 2;
  expect_refused(op, "a contiguous last dimension for x");
  op = good;
  op.x.strides = {6 * 3, 3, 1};
  expect_refused(op, "rows that do not overlap for x");
  op = good;
  op.kind = static_cast<ActivationKind>(9);
  expect_refused(op, "a kind of activation");
}

}  // namespace
}  // namespace sinter::fused::test
