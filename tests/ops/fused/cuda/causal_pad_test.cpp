#include "ops/fused/causal_pad_cases.h"
#include "ops/fused/cuda/device_values.h"

namespace sinter::fused::test {
namespace {

using FusedCausalPadCuda = FusedCuda;

TEST_F(FusedCausalPadCuda, PutsCacheAndFramesBetweenZeros) {
  for (CausalPadCase& c : causal_pad_cases()) {
    OnDevice x(c.x), cache(c.cache), y(c.y);
    CausalPad op = c.options;
    op.x = x.array();
    op.y = y.array();
    if (!c.cache.shape.empty()) op.cache = cache.array();
    ASSERT_EQ(refusal(op), "");
    run(op);
    expect_padded(c, y.fetch());
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace sinter::fused::test
