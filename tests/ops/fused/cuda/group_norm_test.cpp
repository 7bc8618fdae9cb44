#include "ops/fused/cuda/device_values.h"
#include "ops/fused/group_norm_cases.h"

namespace sinter::fused::test {
namespace {

using FusedGroupNormCuda = FusedCuda;

struct DeviceCase {
  OnDevice x, weight, bias, y;
  sinter::cuda::DeviceMemory scratch;

  explicit DeviceCase(const GroupNormCase& c) : x(c.x), weight(c.weight), bias(c.bias), y(c.y) {
    const std::size_t bytes = scratch_bytes(op(c));
    if (bytes == 0) return;
    scratch = sinter::cuda::DeviceMemory(bytes);
    sinter::cuda::check(cudaMemset(scratch.as<void>(), 0xFF, bytes), "test");
  }
  GroupNormSilu op(const GroupNormCase& c) const {
    return {.x = x.array(),
            .weight = c.weighted ? weight.array() : Array{},
            .bias = c.weighted ? bias.array() : Array{},
            .y = y.array(),
            .groups = c.groups,
            .eps = c.eps,
            .silu = c.silu,
            .scratch = scratch.as<void>(),
            .rounding = c.rounding};
  }
};

// Larger ones are for tests/python.
const GroupNormForm kForms[] = {
    {{4, 128}, 32},                    // one position
    {{7, 24}, 8},                      // an odd number of channels
    {{2, 6, 35}, 2, false, 3},         // not aligned
    {{3, 8, 64}, 4},                   // one vector a thread
    {{2, 4, 64, 33}, 2},               // a warp that is not full
    {{300, 4, 2048}, 2},               // more groups than multiprocessors
    {{2, 4, 25, 8, 8}, 2},             // a channel ends within a thread's vectors
    {{1, 4, 100, 8, 32}, 2},           // a cluster
    {{1, 8, 64, 1024}, 2},             // clusters of eight
    {{1, 2, 101, 103}, 2, false, 5},   // elements, not aligned
    {{1, 6, 101, 203}, 1, false, 5},   // a cluster of them
    {{1, 2, 600, 1000}, 2},            // in all shared memory: more than registers hold
    {{1, 12, 50, 1000}, 1},            // and chunks of two channels
    {{1, 2, 607, 1001}, 2, false, 3},  // in two passes
    {{2, 6, 35}, 2, true, 3},          // channels last, not aligned
    {{2, 64, 16, 15}, 8, true},        //
    {{1, 40, 3, 33, 20}, 5, true},     // lanes that do not fill a block
    {{3, 4096, 5}, 32, true},          // more than a tile of columns
    {{1, 8, 100, 1003}, 8, true},      //
};

TEST_F(FusedGroupNormCuda, IsTheFormulaForEveryShapeTypeAndRounding) {
  unsigned seed = 1;
  for (const GroupNormForm& form : kForms) {
    for (const ElementType type : kFloats) {
      for (const Rounding rounding : kRoundings) {
        if (form.channels_last && rounding == Rounding::exact) continue;
        seed += 3;
        GroupNormCase c =
            group_norm_case(form, type, seed % 2 == 0 ? type : ElementType::f32, rounding, seed);
        c.silu = seed % 4 != 0;
        c.weighted = seed % 5 != 0;
        DeviceCase device(c);
        ASSERT_EQ(refusal(device.op(c)), "");
        run(device.op(c));
        expect_group_norm(c, device.y.fetch());
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(FusedGroupNormCuda, RunsInGraphsOnNewDataAndInPlace) {
  for (const GroupNormForm& form :
       {GroupNormForm{{2, 64, 32, 32}, 32}, GroupNormForm{{1, 4, 600, 1000}, 4}}) {
    for (const Rounding rounding : kRoundings) {
      const auto make = [&](unsigned seed) {
        return group_norm_case(form, ElementType::bf16, ElementType::bf16, rounding, seed);
      };
      GroupNormCase first = make(1), second = make(10);
      second.weight = first.weight;
      second.bias = first.bias;
      DeviceCase device(first);
      GroupNormSilu op = device.op(first);
      const CapturedGraph graph([&](const Execution& execution) { run(op, execution); });
      graph.run();
      expect_group_norm(first, device.y.fetch());
      device.x.set(second.x);
      device.y.set(second.y);
      graph.run();
      expect_group_norm(second, device.y.fetch());
      op.y = op.x;
      run(op);
      expect_same(device.x.fetch(), device.y.fetch());
    }
  }
}

// Two grids that each want every multiprocessor to themselves.
TEST_F(FusedGroupNormCuda, RunsOnTwoStreamsAtOnce) {
  const GroupNormForm form{{1, 4, 600, 1000}, 4};
  const GroupNormCase a =
      group_norm_case(form, ElementType::f16, ElementType::f16, Rounding::fast, 1);
  const GroupNormCase b =
      group_norm_case(form, ElementType::f16, ElementType::f16, Rounding::exact, 5);
  DeviceCase first(a), second(b);
  const Stream one, other;
  for (int i = 0; i < 20; ++i) {
    run(first.op(a), one.execution());
    run(second.op(b), other.execution());
  }
  sinter::cuda::check(cudaDeviceSynchronize(), "test");
  expect_group_norm(a, first.y.fetch());
  expect_group_norm(b, second.y.fetch());
}

// More than a launch has rows of blocks. Not exact: of so many means, some lie where f16 rounds
// either way.
TEST_F(FusedGroupNormCuda, TakesManySamples) {
  const GroupNormCase c =
      group_norm_case({{65539, 6}, 2}, ElementType::f16, ElementType::f16, Rounding::fast, 1);
  DeviceCase device(c);
  run(device.op(c));
  expect_group_norm(c, device.y.fetch());
}

TEST_F(FusedGroupNormCuda, RefusesWithoutScratchAndExactChannelsLast) {
  const GroupNormCase c = group_norm_case(
      {{1, 2, 300, 1000}, 2}, ElementType::f16, ElementType::f16, Rounding::fast, 1);
  const DeviceCase device(c);
  GroupNormSilu op = device.op(c);
  op.scratch = nullptr;
  expect_refused(op, "bytes of scratch memory at a multiple of 256 bytes, got none");
  op.scratch = device.scratch.as<std::uint8_t>() + 8;
  expect_refused(op, "got an unaligned address");
  const GroupNormCase last = group_norm_case(
      {{2, 8, 35}, 2, true}, ElementType::f16, ElementType::f16, Rounding::exact, 1);
  expect_refused(DeviceCase(last).op(last), "where the rounding is exact on a device");
}

}  // namespace
}  // namespace sinter::fused::test
