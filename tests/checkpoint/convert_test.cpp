// Conversion to f32 against the scalar functions of core, over every bit pattern of the half types.

#include "checkpoint/convert.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "checkpoint/support.h"

namespace sinter::checkpoint {
namespace {

/// Every finite pattern of a 16-bit type, at an odd address and of an odd count.
std::vector<std::uint16_t> finite_patterns(std::uint16_t exponent) {
  std::vector<std::uint16_t> patterns;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    if ((bits & exponent) != exponent) patterns.push_back(static_cast<std::uint16_t>(bits));
  }
  patterns.push_back(0x0001);
  return patterns;
}

void expect_exact(DType dtype, std::uint16_t exponent, float (*reference)(std::uint16_t)) {
  const std::vector<std::uint16_t> patterns = finite_patterns(exponent);
  std::vector<char> unaligned(patterns.size() * 2 + 1);
  std::memcpy(unaligned.data() + 1, patterns.data(), patterns.size() * 2);
  std::vector<float> result(patterns.size(), -12345.0f);
  const std::int64_t bad =
      convert_weights(unaligned.data() + 1, dtype, result.data(), result.size(), 1);
  EXPECT_EQ(bad, -1);
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    // bits, so that the sign of zero counts
    ASSERT_EQ(std::bit_cast<std::uint32_t>(result[i]),
              std::bit_cast<std::uint32_t>(reference(patterns[i])))
        << patterns[i];
  }
}

TEST(Convert, HalfIsExactForEveryFinitePattern) {
  expect_exact(DType::f16, 0x7c00, half_to_float);
}

TEST(Convert, Bfloat16IsExactForEveryFinitePattern) {
  expect_exact(DType::bf16, 0x7f80, bfloat16_to_float);
}

TEST(Convert, DoubleIsRoundedToNearest) {
  const double values[] = {1.0 + 0x1p-24, 1.0 + 0x1.8p-23, -3.25, 1e-300, 3.4028235e38};
  float result[5];
  EXPECT_EQ(convert_weights(values, DType::f64, result, 5, 1), -1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(result[i], static_cast<float>(values[i]));
}

TEST(Convert, FindsEveryPatternThatIsNoNumber) {
  float result = 0;
  for (std::uint32_t low = 0; low < 0x400; ++low) {
    for (const std::uint32_t sign : {0u, 0x8000u}) {
      const auto half = static_cast<std::uint16_t>(sign | 0x7c00u | low);
      EXPECT_EQ(convert_weights(&half, DType::f16, &result, 1, 1), 0);
    }
  }
  for (const int pattern : {0x7f80, 0xff80, 0x7f81, 0xffff}) {
    const auto bits = static_cast<std::uint16_t>(pattern);
    EXPECT_EQ(convert_weights(&bits, DType::bf16, &result, 1, 1), 0);
  }
  for (const float value : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    EXPECT_EQ(convert_weights(&value, DType::f32, &result, 1, 1), 0);
  }
  const double large = 1e300;  // no float holds it
  EXPECT_EQ(convert_weights(&large, DType::f64, &result, 1, 1), 0);
  TensorEntry entry{"x", DType::f64, {1}, std::as_bytes(std::span(&large, 1))};
  EXPECT_EQ(find_non_finite(entry), -1);
}

TEST(Convert, NamesTheFirstBadElementForAnyNumberOfThreads) {
  // many blocks, and bad elements in several of them
  std::vector<float> values(1'000'003);
  std::iota(values.begin(), values.end(), 1.0f);
  std::vector<float> result(values.size());
  for (const int threads : {1, 2, 3, 7}) {
    EXPECT_EQ(convert_weights(values.data(), DType::f32, result.data(), values.size(), threads),
              -1);
    EXPECT_EQ(result, values);
  }
  for (const std::size_t bad : {std::size_t{1'000'002}, std::size_t{700'000}, std::size_t{1}}) {
    values[bad] = -std::numeric_limits<float>::infinity();
    TensorEntry entry{"x", DType::f32, {1'000'003}, std::as_bytes(std::span(values))};
    for (const int threads : {1, 2, 3, 7}) {
      EXPECT_EQ(find_non_finite(entry, threads), static_cast<std::int64_t>(bad));
      EXPECT_EQ(convert_weights(values.data(), DType::f32, result.data(), values.size(), threads),
                static_cast<std::int64_t>(bad));
    }
  }
}

TEST(Convert, IntegersAreNeverBadAndNeverWeights) {
  const std::int32_t value = -1;
  TensorEntry entry{"x", DType::i32, {1}, std::as_bytes(std::span(&value, 1))};
  EXPECT_EQ(find_non_finite(entry), -1);
  float result = 0;
  EXPECT_THROW(convert_weights(&value, DType::i32, &result, 1, 1), Error);
}

TEST(Convert, CoordinatesAreRowMajor) {
  EXPECT_EQ(coordinates(5, {2, 3}), "[1, 2]");
  EXPECT_EQ(coordinates(23, {2, 3, 4}), "[1, 2, 3]");
  EXPECT_EQ(coordinates(0, {}), "[]");
}

}  // namespace
}  // namespace sinter::checkpoint
