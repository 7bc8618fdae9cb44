#include "ops/fused/cuda/device_values.h"
#include "ops/fused/embedding_cases.h"

namespace sinter::fused::test {
namespace {

using FusedEmbeddingsCuda = FusedCuda;

TEST_F(FusedEmbeddingsCuda, RotaryTableIsTheFormula) {
  for (RotaryTable op : rotary_tables()) {
    OnDevice table(table_for(op));
    op.table = table.array();
    run(op);
    expect_table(op, table.fetch());
    if (HasFatalFailure()) return;
  }
}

TEST_F(FusedEmbeddingsCuda, TimestepEmbeddingIsTheFormula) {
  for (TimestepCase& c : timestep_cases()) {
    OnDevice t(c.t), y(c.y);
    TimestepEmbedding op = c.options;
    op.t = t.array();
    op.y = y.array();
    run(op);
    expect_embedded(c, y.fetch());
    if (HasFatalFailure()) return;
  }
}

TEST_F(FusedEmbeddingsCuda, RunInGraphs) {
  TimestepCase c = timestep_cases()[2];
  OnDevice t(c.t), y(c.y);
  TimestepEmbedding op = c.options;
  op.t = t.array();
  op.y = y.array();
  const CapturedGraph graph([&](const Execution& execution) { run(op, execution); });
  c.t = Values::random(c.t.type, c.t.shape, 99, 0.5F, c.t.strides);
  t.set(c.t);
  graph.run();
  expect_embedded(c, y.fetch());
}

}  // namespace
}  // namespace sinter::fused::test
