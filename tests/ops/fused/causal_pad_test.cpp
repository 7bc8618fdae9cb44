#include "ops/fused/causal_pad_cases.h"

namespace sinter::fused::test {
namespace {

TEST(FusedCausalPad, PutsCacheAndFramesBetweenZeros) {
  for (CausalPadCase& c : causal_pad_cases()) {
    run(c.op(), {.threads = 2});
    expect_padded(c, c.y);
    if (HasFatalFailure()) return;
  }
}

TEST(FusedCausalPad, RefusesWhatDoesNotFit) {
  CausalPadCase c = std::move(causal_pad_cases()[0]);
  const CausalPad good = c.op();
  EXPECT_EQ(refusal(good), "");
  const auto refused = [&](auto change, const char* part) {
    CausalPad op = good;
    change(op);
    expect_refused(op, part);
  };
  refused([](auto& op) { op.front = 1; }, "the shape of x with at most 1 frames");
  refused([](auto& op) { op.front = 3; },
          "expected [2, 3, 7, 7, 8] for y, got f32 [2, 3, 6, 7, 8]");
  refused([](auto& op) { op.rows = -1; }, "front, rows and columns of at least 0");
  refused([](auto& op) { op.cache.type = ElementType::f16; }, "for cache");
  refused([](auto& op) { op.cache.shape[4] = 7; }, "for cache");
  refused([](auto& op) { op.x.strides[4] = 2; }, "[B, C, T, H, W] contiguous of f32 for x");
  refused([](auto& op) { op.x.rank = 4; }, "for x");
}

}  // namespace
}  // namespace sinter::fused::test
