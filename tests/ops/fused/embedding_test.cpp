#include "ops/fused/embedding_cases.h"

namespace sinter::fused::test {
namespace {

TEST(FusedRotaryTable, IsTheFormula) {
  for (RotaryTable op : rotary_tables()) {
    Values table = table_for(op);
    op.table = table.array();
    run(op, {.threads = 3});
    expect_table(op, table);
    if (HasFatalFailure()) return;
  }
}

TEST(FusedRotaryTable, RefusesWhatDoesNotFit) {
  Values table(ElementType::f32, {30, 12});
  const RotaryTable good{.grid = {2, 5, 7}, .dims = {4, 4, 4}, .first = 40, .table = table.array()};
  EXPECT_EQ(refusal(good), "");
  const auto refused = [&](auto change, const char* part) {
    RotaryTable op = good;
    change(op);
    expect_refused(op, part);
  };
  refused([](auto& op) { op.first = 41; },
          "expected rows among the grid's 70 tokens, got 30 from token 41 on");
  refused([](auto& op) { op.first = -1; }, "first among the grid's 70 tokens, got -1");
  refused([](auto& op) { op.dims = {4, 5, 3}; }, "even dims");
  refused([](auto& op) { op.dims = {0, 0, 0}; }, "expected dims");
  refused([](auto& op) { op.dims = {4, 4, 6}; }, "f32 [tokens, 14] contiguous for table");
  refused([](auto& op) { op.grid[1] = 0; }, "a grid");
  refused([](auto& op) { op.grid = {1 << 20, 1 << 20, 1 << 20}; }, "at most 2^31 tokens");
  refused([](auto& op) { op.theta = 0.0; }, "a positive theta");
  refused([](auto& op) { op.table.type = ElementType::f16; }, "for table");
}

TEST(FusedTimestepEmbedding, IsTheFormula) {
  for (TimestepCase& c : timestep_cases()) {
    run(c.op(), {.threads = 2});
    expect_embedded(c, c.y);
    if (HasFatalFailure()) return;
  }
}

TEST(FusedTimestepEmbedding, RefusesWhatDoesNotFit) {
  Values t = Values::random(ElementType::f32, {3}, 1), y(ElementType::f16, {3, 8});
  const TimestepEmbedding good{.t = t.array(), .y = y.array()};
  EXPECT_EQ(refusal(good), "");
  const auto refused = [&](auto change, const char* part) {
    TimestepEmbedding op = good;
    change(op);
    expect_refused(op, part);
  };
  refused([](auto& op) { op.t.rank = 2; }, "for t");
  refused([](auto& op) { op.y.shape[1] = 7; }, "[3, dim] contiguous with an even dim");
  refused([](auto& op) { op.y.shape[0] = 2; }, "for y");
  refused([](auto& op) { op.max_period = 0.0F; }, "a positive max_period");
  refused([](auto& op) { op.shift = 4.0F; }, "a shift other than half of dim");
}

}  // namespace
}  // namespace sinter::fused::test
