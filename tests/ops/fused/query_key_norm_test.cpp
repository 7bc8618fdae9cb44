#include "ops/fused/query_key_cases.h"

namespace sinter::fused::test {
namespace {

TEST(FusedQueryKeyNorm, IsTheFormulaForEveryShapeTypeAndLayout) {
  for (QueryKeyCase& c : query_key_cases()) {
    const Values q = c.q, k = c.k;
    run(c.op());
    expect_normed(c, c.q, q, c.q_weight);
    if (!k.shape.empty()) expect_normed(c, c.k, k, c.k_weight);
    if (HasFatalFailure()) return;
  }
}

// Hunyuan3D's RMSNorm rounds before its weight, torch.nn.RMSNorm does not.
TEST(FusedQueryKeyNorm, ExactRoundsWhereTheModelDoes) {
  for (const bool in_f32 : {false, true}) {
    QueryKeyNorm options{.q = {}, .k = {}, .weight_in_f32 = in_f32, .rounding = Rounding::exact};
    QueryKeyCase c = query_key_case(
        {1, 50, 2, 0, 64}, ElementType::bf16, ElementType::bf16, HeadLayout::fused, 0, options, 11);
    const Values x = c.q;
    const Reference wanted(c, x, {});
    run(c.op());
    int far = 0;
    for (std::int64_t i = 0; i < x.count(); ++i) {
      double inverse_times_x = wanted.value[static_cast<std::size_t>(i)];
      if (!in_f32) inverse_times_x = nearest(inverse_times_x, x.type);
      far += c.q.at(i) != nearest(inverse_times_x * c.q_weight.at(i % 64), x.type);
    }
    EXPECT_LE(far, 3);  // the statistics' last bit may change a rounding
  }
}

TEST(FusedQueryKeyNorm, DoesNotDependOnThreads) {
  QueryKeyCase one = query_key_case(
      {2, 21, 3, 3, 40}, ElementType::f16, ElementType::f16, HeadLayout::fused, 24, {}, 3);
  QueryKeyCase many = one;
  run(one.op(), {.threads = 1});
  run(many.op(), {.threads = 3});
  expect_same(many.q, one.q);
  expect_same(many.k, one.k);
}

TEST(FusedQueryKeyNorm, RefusesWhatDoesNotFit) {
  QueryKeyCase c = query_key_case(
      {2, 6, 3, 3, 40}, ElementType::f16, ElementType::f16, HeadLayout::fused, 24, {}, 3);
  c.positions.assign(6, 1);
  const QueryKeyNorm good = c.op();
  ASSERT_TRUE(good.q_weight.present());
  EXPECT_EQ(refusal(good), "");
  const auto refused = [&](auto change, const char* part) {
    QueryKeyNorm op = good;
    change(op);
    expect_refused(op, part);
  };
  refused([](auto& op) { op.q.rank = 3; }, "[B, S, H, d] with a contiguous last dimension for q");
  refused([](auto& op) { op.q.strides[3] = 2; }, "contiguous last dimension for q");
  refused([](auto& op) { op.q.strides[2] = 39; }, "heads that do not overlap for q");
  refused([](auto& op) { op.k.shape[1] = 5; }, "but for the heads");
  refused([](auto& op) { op.k.type = ElementType::bf16; }, "for k");
  refused([](auto& op) { op.k_weight = {}; }, "for k_weight");
  refused([](auto& op) { op.k = {}; }, "for k_weight, got f16 [40]");
  refused([](auto& op) { op.q_weight.shape[0] = 39; }, "[40] contiguous, f16 or f32");
  refused([](auto& op) { op.whole_row = true; }, "[120] contiguous");
  refused([](auto& op) { op.normalize = false; }, "nothing without a norm for q_weight");
  refused([](auto& op) { op.table.shape[1] = 23; }, "an even rotary of at most 40");
  refused([](auto& op) { op.table.shape[1] = 42; }, "for table");
  refused([](auto& op) { op.table.type = ElementType::f16; }, "for table");
  refused([](auto& op) { op.table = {}; }, "nothing without a table for positions");
  refused([](auto& op) { op.positions.shape[0] = 5; }, "i32 or i64 [6] contiguous");
  refused([](auto& op) { op.first_token = 4, op.tokens = 3; },
          "expected rotated tokens among 6, got 3 from token 4 on");
  refused(
      [](auto& op) {
        op.normalize = false;
        op.q_weight = op.k_weight = op.table = op.positions = {};
      },
      "expected a norm or a table");
}

}  // namespace
}  // namespace sinter::fused::test
