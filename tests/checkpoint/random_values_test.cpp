#include "checkpoint/random_values.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "core/dtype.h"
#include "support.h"

namespace sinter::checkpoint {
namespace {

std::vector<float> filled(DType dtype,
                          std::size_t count,
                          std::uint64_t start,
                          double mean,
                          double deviation,
                          int threads = 1) {
  std::vector<std::byte> bytes(count * size_of(dtype));
  fill_random(bytes, dtype, start, mean, deviation, threads);
  std::vector<float> values(count);
  convert_to_float(bytes.data(), dtype, values.data(), count);
  return values;
}

TEST(RandomValues, AreNormalEnough) {
  constexpr std::size_t kCount = 1 << 20;
  const std::vector<float> values = filled(DType::f32, kCount, random_start("a", 1), 0.5, 2.0);
  double sum = 0, square = 0, fourth = 0, lag = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    const double z = (values[i] - 0.5) / 2.0;
    sum += z;
    square += z * z;
    fourth += z * z * z * z;
    if (i > 0) lag += z * (values[i - 1] - 0.5) / 2.0;
  }
  // five standard errors of each; the sum of four uniform values has a kurtosis of 3 - 1.2 / 4
  EXPECT_NEAR(sum / kCount, 0, 5.0 / 1024);
  EXPECT_NEAR(square / kCount, 1, 5 * std::sqrt(1.7) / 1024);
  EXPECT_NEAR(fourth / kCount, 2.7, 0.04);
  EXPECT_NEAR(lag / kCount, 0, 5.0 / 1024);
}

TEST(RandomValues, DependOnNameSeedAndPlaceAlone) {
  const std::uint64_t start = random_start("model.cond_in.weight", 1);
  const std::vector<float> values = filled(DType::f32, 1001, start, 0.0, 1.0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(values[i], static_cast<float>(random_value(start, i))) << i;
  }
  EXPECT_EQ(values, filled(DType::f32, 1001, start, 0.0, 1.0, 3));
  const auto shared = [&](std::uint64_t other) {
    const std::vector<float> others = filled(DType::f32, 1001, other, 0.0, 1.0);
    double product = 0;
    for (std::size_t i = 0; i < values.size(); ++i) product += values[i] * others[i];
    return product / 1001;
  };
  EXPECT_NEAR(shared(random_start("model.cond_in.weight", 2)), 0, 0.16);  // five standard errors
  EXPECT_NEAR(shared(random_start("model.cond_in.bias", 1)), 0, 0.16);
}

TEST(RandomValues, RoundOnceToTheirType) {
  const std::uint64_t start = random_start("x", 7);
  const std::vector<float> half = filled(DType::f16, 77, start, 0.1, 0.02),
                           brain = filled(DType::bf16, 77, start, 0.1, 0.02);
  for (std::size_t i = 0; i < half.size(); ++i) {
    const auto exact = static_cast<float>(0.1 + 0.02 * random_value(start, i));
    EXPECT_EQ(half[i], half_to_float(float_to_half(exact))) << i;
    EXPECT_EQ(brain[i], bfloat16_to_float(float_to_bfloat16(exact))) << i;
  }
  EXPECT_THROW(filled(DType::i32, 4, start, 0, 1), Error);
}

}  // namespace
}  // namespace sinter::checkpoint
