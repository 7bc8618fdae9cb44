#include "ops/fused/array.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace sinter::fused {
namespace {

Array array(float* data, std::vector<std::int64_t> shape) {
  Array x{.data = data, .type = ElementType::f32, .rank = static_cast<int>(shape.size())};
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0; stride *= shape[i]) {
    x.shape[i] = shape[i];
    x.strides[i] = stride;
  }
  return x;
}

TEST(FusedArray, DescribesWhatCame) {
  float one = 0.0F;
  Array x = array(&one, {2, 3});
  EXPECT_EQ(describe(x), "f32 [2, 3] on the host");
  x.strides[0] = 8;
  x.device = 1;
  EXPECT_EQ(describe(x), "f32 [2, 3] with strides [8, 1] on CUDA device 1");
  EXPECT_EQ(describe({}), "nothing");
}

TEST(FusedArray, RefusesOperands) {
  float one = 0.0F;
  EXPECT_EQ(refuse_operand("x", array(&one, {1}), kHost), "");
  EXPECT_EQ(refuse_operand("x", array(&one, {2, 0}), kHost),
            "expected no empty dimension for x, got f32 [2, 0] on the host");
  EXPECT_NE(refuse_operand("x", array(nullptr, {1}), kHost), "");
  EXPECT_NE(refuse_operand("x", array(&one, {1}), 0), "");
  EXPECT_NE(refuse_operand("x", array(&one, {std::int64_t{1} << 47, 4}), kHost), "");
  Array integers = array(&one, {1});
  integers.type = ElementType::i32;
  EXPECT_NE(refuse_operand("x", integers, kHost), "");
}

// Each form must give the vector that NumPy's broadcasting (and [.., F, 1, D] by frames) gives.
TEST(FusedArray, ReadsEveryFormOfAModulation) {
  constexpr std::int64_t kB = 2, kS = 6, kD = 5;
  std::vector<float> values(kB * kS * kD);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  RowShape rows;
  ASSERT_EQ(read_rows("x", array(values.data(), {kB, kS, kD}), rows), "");
  const auto at = [&](const Modulation& m, std::int64_t b, std::int64_t s, std::int64_t d) {
    return static_cast<const float*>(
        m.data)[b * m.sample_stride + s / m.tokens_each * m.token_stride + d * m.column_stride];
  };
  struct Form {
    std::vector<std::int64_t> shape;
    std::array<std::int64_t, 2> steps;  // of sample and token (or frame)
    std::int64_t tokens_each = 1;
  };
  for (const Form& form : {Form{{1}, {0, 0}},
                           Form{{kD}, {0, 0}},
                           Form{{1, kD}, {0, 0}},
                           Form{{1, 1, kD}, {0, 0}},
                           Form{{kB, kD}, {kD, 0}},
                           Form{{kB, 1, kD}, {kD, 0}},
                           Form{{1, kS, kD}, {0, kD}},
                           Form{{kB, kS, kD}, {kS * kD, kD}},
                           Form{{kB, 3, 1, kD}, {3 * kD, kD}, 2},
                           Form{{1, 3, 1, kD}, {0, kD}, 2},
                           Form{{kB, 1, 1, kD}, {kD, 0}, kS}}) {
    Modulation m;
    ASSERT_EQ(read_modulation("scale", array(values.data(), form.shape), rows, 3, m), "");
    for (std::int64_t b = 0; b < kB; ++b)
      for (std::int64_t s = 0; s < kS; ++s)
        for (std::int64_t d = 0; d < kD; ++d)
          EXPECT_EQ(at(m, b, s, d),
                    static_cast<float>(b * form.steps[0] + s / form.tokens_each * form.steps[1] +
                                       (form.shape.back() == 1 ? 0 : d)));
  }
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{
           {kS}, {3, kD}, {kB, 2, kD}, {kB, 4, 1, kD}, {kB, 3, 2, kD}, {kD, 1}, {3, 1, 1, kD}}) {
    Modulation m;
    EXPECT_NE(read_modulation("scale", array(values.data(), shape), rows, 3, m), "");
  }
  RowShape flat;
  ASSERT_EQ(read_rows("x", array(values.data(), {kS, kD}), flat), "");
  Modulation m;
  EXPECT_EQ(read_modulation("scale", array(values.data(), {kS, kD}), flat, 2, m), "");
  EXPECT_EQ(m.token_stride, kD);
  EXPECT_NE(read_modulation("scale", array(values.data(), {kB, kD}), flat, 2, m), "");
  // Of another rank the leading dimensions are one, which no vector can tell apart.
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{{kD}, {2, 1, 3, kD}}) {
    const Array x = array(values.data(), shape);
    ASSERT_EQ(read_rows("x", x, flat), "");
    EXPECT_EQ(flat.samples * flat.tokens, shape.size() == 1 ? 1 : 6);
    EXPECT_EQ(read_modulation("scale", array(values.data(), {kD}), flat, x.rank, m), "");
    EXPECT_EQ(read_modulation("scale", array(values.data(), {1}), flat, x.rank, m), "");
    EXPECT_NE(read_modulation("scale", array(values.data(), {6, kD}), flat, x.rank, m), "");
  }
  Array strided = array(values.data(), {2, 1, 3, kD});
  strided.strides[0] += 1;
  EXPECT_NE(read_rows("x", strided, flat), "");
}

}  // namespace
}  // namespace sinter::fused
