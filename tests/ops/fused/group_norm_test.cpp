#include "ops/fused/group_norm_cases.h"

namespace sinter::fused::test {
namespace {

const GroupNormForm kForms[] = {{{3, 6}, 3},
                                {{2, 8, 1}, 2},
                                {{2, 6, 35}, 2, false, 3},
                                {{1, 8, 7, 9}, 4},
                                {{2, 4, 3, 5, 7}, 4},
                                {{1, 2, 3, 83, 71}, 1},  // several blocks of a sum
                                {{2, 6, 35}, 2, true},
                                {{2, 12, 5, 9}, 3, true, 5},
                                {{1, 4, 3, 5, 7}, 1, true}};

TEST(FusedGroupNorm, IsTheFormulaForEveryShapeTypeAndRounding) {
  unsigned seed = 1;
  for (const GroupNormForm& form : kForms) {
    for (const ElementType type : kFloats) {
      for (const Rounding rounding : kRoundings) {
        for (const bool silu : {false, true}) {
          for (const ElementType weights : {type, ElementType::f32}) {
            GroupNormCase c = group_norm_case(form, type, weights, rounding, seed += 3);
            c.silu = silu;
            ASSERT_EQ(refusal(c.op()), "");
            ASSERT_EQ(scratch_bytes(c.op()), 0U);
            run(c.op());
            expect_group_norm(c, c.y);
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

TEST(FusedGroupNorm, GoesWithoutWeightsAndInPlace) {
  for (const Rounding rounding : kRoundings) {
    GroupNormCase c =
        group_norm_case({{2, 6, 35}, 2}, ElementType::f16, ElementType::f16, rounding, 7);
    c.weighted = false;
    run(c.op());
    expect_group_norm(c, c.y);
    GroupNormSilu op = c.op();
    op.y = op.x;
    run(op);
    expect_same(c.x, c.y);
  }
}

TEST(FusedGroupNorm, DoesNotDependOnTheNumberOfThreads) {
  GroupNormCase c =
      group_norm_case(kForms[5], ElementType::f32, ElementType::f32, Rounding::fast, 9);
  run(c.op(), {.threads = 1});
  const Values one = c.y;
  run(c.op(), {.threads = 3});
  expect_same(c.y, one);
}

// Constant values have no variance; what is left of a rounded one must not become a NaN.
TEST(FusedGroupNorm, OfAConstantIsTheBias) {
  GroupNormCase c =
      group_norm_case({{1, 4, 33}, 2}, ElementType::f32, ElementType::f32, Rounding::fast, 11);
  for (std::int64_t i = 0; i < c.x.count(); ++i) c.x.set(i, 0.1F);
  c.silu = false;
  run(c.op());
  for (std::int64_t i = 0; i < c.y.count(); ++i) ASSERT_NEAR(c.y.at(i), c.bias.at(i / 33), 1e-4);
}

TEST(FusedGroupNorm, RefusesWhatItDoesNotDo) {
  GroupNormCase c =
      group_norm_case({{2, 6, 35}, 2}, ElementType::f16, ElementType::f16, Rounding::exact, 13);
  const GroupNormSilu good = c.op();
  const auto refuse = [&](auto change, const char* part) {
    GroupNormSilu op = good;
    change(op);
    expect_refused(op, part);
    EXPECT_EQ(scratch_bytes(op), 0U);
  };
  refuse([](auto& op) { op.groups = 4; }, "expected groups that divide the 6 channels, got 4");
  refuse([](auto& op) { op.groups = 0; }, "got 0");
  refuse([](auto& op) { op.groups = -2; }, "got -2");
  refuse([](auto& op) { op.x.rank = 1; }, "2 to 5 dimensions");
  refuse(
      [](auto& op) {
        op.x.rank = 6;
        op.x.shape = {2, 6, 35, 1, 1, 1};
      },
      "2 to 5 dimensions");
  refuse([](auto& op) { op.x.data = nullptr; }, "data for x");
  refuse([](auto& op) { op.x.type = ElementType::i32; }, "f32, f16 or bf16 for x");
  refuse([](auto& op) { op.x.shape[2] = 0; }, "no empty dimension for x");
  refuse([](auto& op) { op.x.strides[1] = 36; }, "contiguous elements, channels first or last");
  refuse([](auto& op) { op.y.shape[2] = 34; }, "for y, got");
  refuse([](auto& op) { op.y.type = ElementType::bf16; }, "for y, got");
  refuse([](auto& op) { op.y.strides = {210, 1, 6}; }, "for y, got");
  refuse([](auto& op) { op.y.data = static_cast<std::uint16_t*>(op.x.data) + 8; }, "lie apart");
  refuse([](auto& op) { op.weight = {}; }, "for weight");
  refuse([](auto& op) { op.bias = {}; }, "for bias");
  refuse([](auto& op) { op.weight.shape[0] = 5; }, "[6] contiguous elements of f16 or f32");
  refuse([](auto& op) { op.weight.type = op.bias.type = ElementType::bf16; }, "f16 or f32");
  refuse([](auto& op) { op.bias.type = ElementType::f32; }, "of one type");
  refuse([](auto& op) { op.bias.strides[0] = 2; }, "for bias");
  refuse([](auto& op) { op.eps = -1.0F; }, "eps of at least 0");
  refuse([](auto& op) { op.eps = std::nanf(""); }, "eps of at least 0");
  refuse([](auto& op) { op.x.device = 0; }, "got f16");  // the others are on the host
}

}  // namespace
}  // namespace sinter::fused::test
