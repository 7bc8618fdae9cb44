#include "ops/fused/cuda/device_values.h"
#include "ops/fused/norm_cases.h"

namespace sinter::fused::test {
namespace {

using FusedNormScaleShiftCuda = FusedCuda;

/// A case's operands on the device; absent ones stay so.
struct DeviceNorm {
  explicit DeviceNorm(NormCase& host) : c(host) {}

  NormScaleShift op() {
    NormScaleShift norm = c.op();
    const auto place = [&](const Values& v, Array& array) {
      if (NormCase::has(v)) array = memory.emplace_back(v).array();
    };
    memory.reserve(9);  // OnDevice stays where it is
    place(c.x, norm.x);
    place(c.residual, norm.residual);
    place(c.gate, norm.gate);
    place(c.weight, norm.weight);
    place(c.bias, norm.bias);
    place(c.scale, norm.scale);
    place(c.shift, norm.shift);
    place(c.y, norm.y);
    y = memory.size() - 1;
    place(c.sum, norm.sum);
    return norm;
  }
  void expect(Moved& moved) {
    c.y = memory[y].fetch();
    if (NormCase::has(c.sum)) c.sum = memory.back().fetch();
    expect_norm(c, c.y, c.sum, moved);
  }

  NormCase& c;
  std::vector<OnDevice> memory;
  std::size_t y = 0;
};

TEST_F(FusedNormScaleShiftCuda, IsTheFormulaForEveryFormTypeAndLayout) {
  Moved moved;
  for (NormCase& c : norm_cases()) {
    DeviceNorm device(c);
    const NormScaleShift op = device.op();
    ASSERT_EQ(refusal(op), "");
    run(op);
    device.expect(moved);
    if (HasFatalFailure()) return;
  }
  EXPECT_LT(moved.share(), kMostMoved);
}

// Every kernel of rows in registers, and rows that no such kernel takes.
TEST_F(FusedNormScaleShiftCuda, IsTheFormulaForManyAndLongRows) {
  struct Shape {
    std::int64_t rows, columns;
  };
  Moved moved;
  unsigned seed = 1;
  for (const Shape& s : {Shape{2050, 512},
                         {2051, 1024},
                         {2052, 1536},
                         {2053, 1000},
                         {2050, 2048},
                         {37, 1024},
                         {37, 1536},
                         {37, 2048},
                         {37, 3072},
                         {37, 4096},
                         {37, 5120},
                         {37, 1004},
                         {37, 4100},
                         {20, 6144},
                         {20, 8188},
                         {5, 8192},
                         {3, 16384},
                         {3, 20000}}) {
    // The reference takes its time.
    for (int option = static_cast<int>(++seed % 3); option<12; option += s.rows> 1000 ? 7 : 2) {
      const ElementType type = kFloats[option % 3],
                        vector_type = option < 6 ? type : ElementType::f32;
      const auto vector = [&](bool present, std::vector<std::int64_t> shape) {
        return present ? Values::random(vector_type, std::move(shape), ++seed, 0.5F) : Values();
      };
      const std::vector<std::int64_t> shape = {1, s.rows, s.columns}, row = {s.columns};
      NormCase c;
      c.kind = option % 2 == 0 ? NormKind::layer : NormKind::rms;
      c.x = Values::random(type, shape, ++seed, 2.0F);
      c.y = Values(type, shape);
      c.scale = vector(option % 4 != 3, row);
      c.shift = vector(option % 4 != 3, row);
      c.weight = vector(option % 4 >= 2 || option == 0, row);
      c.bias = vector(NormCase::has(c.weight) && c.kind == NormKind::layer, row);
      if (option % 5 >= 3) {
        c.residual = Values::random(type, shape, ++seed);
        c.sum = Values(type, shape);
        c.gate = vector(option % 5 == 4, row);
      }
      c.norm_type = ++seed % 3 == 0 ? ElementType::f32 : type;
      c.weight_in_f32 = seed % 2 == 0;
      c.rounding = kRoundings[seed % 5 % 2];
      DeviceNorm device(c);
      const NormScaleShift op = device.op();
      ASSERT_EQ(refusal(op), "");
      run(op);
      device.expect(moved);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_LT(moved.share(), kMostMoved);
}

TEST_F(FusedNormScaleShiftCuda, RunsInGraphsAndOnTwoStreams) {
  const auto make = [](unsigned seed) {
    const std::vector<std::int64_t> shape = {2, 700, 1024};
    NormCase c;
    c.x = Values::random(ElementType::f16, shape, seed);
    c.residual = Values::random(ElementType::f16, shape, seed + 1);
    c.scale = Values::random(ElementType::f16, {2, 1, 1024}, seed + 2);
    c.shift = Values::random(ElementType::f16, {2, 1, 1024}, seed + 3);
    c.norm_type = ElementType::f16;
    c.y = c.sum = Values(ElementType::f16, shape);
    return c;
  };
  Moved moved;
  NormCase first = make(1), second = make(10);
  DeviceNorm a(first), b(second);
  const NormScaleShift left = a.op(), right = b.op();
  const CapturedGraph graph([&](const Execution& execution) { run(left, execution); });
  graph.run();
  a.expect(moved);
  first.x = second.x;
  a.memory[0].set(first.x);
  a.memory[a.y].set(Values(ElementType::f16, first.x.shape));
  graph.run();
  a.expect(moved);

  const Stream one, other;
  for (int i = 0; i < 20; ++i) {
    run(left, one.execution());
    run(right, other.execution());
  }
  a.expect(moved);
  b.expect(moved);
}

// 2^31 + 2^20 elements: indices that wrap would leave the end as it was.
TEST_F(FusedNormScaleShiftCuda, ReachesBeyondTwoToThe31) {
  constexpr std::int64_t kColumns = 1024, kRows = (std::int64_t{1} << 21) + 1024;
  sinter::cuda::DeviceMemory memory(static_cast<std::size_t>(kRows * kColumns) * 2);
  memory.fill(0x3C);
  const Values pattern = Values::random(ElementType::f16, {kColumns}, 1, 1.0F, {}, 0);
  std::uint16_t* const last = memory.as<std::uint16_t>() + (kRows - 1) * kColumns;
  sinter::cuda::check(cudaMemcpy(last, pattern.bytes.data(), kColumns * 2, cudaMemcpyHostToDevice),
                      "test");
  Array x{.data = memory.as<void>(), .type = ElementType::f16, .device = 0, .rank = 2};
  x.shape = {kRows, kColumns};
  x.strides = {kColumns, 1};
  run(NormScaleShift{.x = x, .y = x, .norm_type = ElementType::f16});
  NormCase c;
  c.x = Values::random(ElementType::f16, {1, 1, kColumns}, 1);
  c.y = Values(ElementType::f16, {1, 1, kColumns}, {}, 0);
  c.norm_type = ElementType::f16;
  sinter::cuda::check(cudaMemcpy(c.y.bytes.data(), last, kColumns * 2, cudaMemcpyDeviceToHost),
                      "test");
  Moved moved;
  expect_norm(c, c.y, c.sum, moved);
}

}  // namespace
}  // namespace sinter::fused::test
