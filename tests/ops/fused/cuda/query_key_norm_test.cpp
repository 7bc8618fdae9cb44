#include "ops/fused/cuda/device_values.h"
#include "ops/fused/query_key_cases.h"

namespace sinter::fused::test {
namespace {

using FusedQueryKeyNormCuda = FusedCuda;

struct DeviceCase {
  OnDevice q, k, q_weight, k_weight, table;
  sinter::cuda::DeviceMemory positions;

  explicit DeviceCase(const QueryKeyCase& c)
      : q(c.q), k(c.k), q_weight(c.q_weight), k_weight(c.k_weight), table(c.table) {
    if (c.positions.empty()) return;
    positions = sinter::cuda::DeviceMemory(c.positions.size() * sizeof c.positions[0]);
    positions.copy_from_host(c.positions.data());
  }
  QueryKeyNorm op(QueryKeyCase& c) const {
    const auto place = [&](Values& values) {
      const OnDevice& on_device = &values == &c.q          ? q
                                  : &values == &c.k        ? k
                                  : &values == &c.q_weight ? q_weight
                                  : &values == &c.k_weight ? k_weight
                                                           : table;
      return on_device.array();
    };
    return c.op(place, positions.as<void>(), 0);
  }
};

// That exact gives PyTorch's bits is for tests/python to show.
TEST_F(FusedQueryKeyNormCuda, IsTheFormulaForEveryShapeTypeAndLayout) {
  for (QueryKeyCase& c : query_key_cases()) {
    DeviceCase device(c);
    ASSERT_EQ(refusal(device.op(c)), "") << c.text();
    run(device.op(c));
    expect_normed(c, device.q.fetch(), c.q, c.q_weight);
    if (!c.k.shape.empty()) expect_normed(c, device.k.fetch(), c.k, c.k_weight);
    if (HasFatalFailure()) return;
  }
}

TEST_F(FusedQueryKeyNormCuda, RunsInGraphsAndOnTwoStreams) {
  const auto make = [](unsigned seed) {
    return query_key_case({1, 500, 6, 6, 128},
                          ElementType::f16,
                          ElementType::f16,
                          HeadLayout::fused,
                          128,
                          {.q = {}, .k = {}, .rounding = Rounding::fast},
                          seed);
  };
  QueryKeyCase first = make(1), second = make(6);
  DeviceCase a(first), b(second);
  const QueryKeyNorm op = a.op(first), other = b.op(second);
  const CapturedGraph graph([&](const Execution& execution) { run(op, execution); });
  graph.run();
  expect_normed(first, a.q.fetch(), first.q, first.q_weight);
  a.q.set(second.q);
  graph.run();
  expect_normed(first, a.q.fetch(), second.q, first.q_weight);
  a.q.set(first.q);
  a.k.set(first.k);
  const Stream left, right;
  run(op, left.execution());
  run(other, right.execution());
  expect_normed(first, a.q.fetch(), first.q, first.q_weight);
  expect_normed(second, b.k.fetch(), second.k, second.k_weight);
}

TEST_F(FusedQueryKeyNormCuda, RefusesWhatItCannotLoad) {
  QueryKeyCase c = query_key_case(
      {1, 6, 3, 3, 40}, ElementType::f16, ElementType::f16, HeadLayout::fused, 0, {}, 3);
  const DeviceCase device(c);
  QueryKeyNorm op = device.op(c);
  EXPECT_EQ(refusal(op), "");
  op.q.data = static_cast<std::uint16_t*>(op.q.data) + 1;
  expect_refused(op, "multiples of 16 bytes for q");
  op = device.op(c);
  op.q.shape[3] = op.k.shape[3] = op.q_weight.shape[0] = op.k_weight.shape[0] = 36;
  expect_refused(op, "heads of a multiple of 8 elements");
  op = device.op(c);
  op.q_weight.data = static_cast<std::uint16_t*>(op.q_weight.data) + 1;
  expect_refused(op, "for q_weight");
}

}  // namespace
}  // namespace sinter::fused::test
