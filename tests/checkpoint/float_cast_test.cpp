#include "checkpoint/float_cast.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace sinter::checkpoint {
namespace {

template <class T>
std::span<const std::byte> bytes(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

/// Every finite value of a 16-bit type, ascending, as double.
std::vector<double> all_values(DType dtype) {
  std::vector<double> values;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = dtype == DType::f16 ? half_to_float(half) : bfloat16_to_float(half);
    if (std::isfinite(value) && !(value == 0 && std::signbit(value))) values.push_back(value);
  }
  std::sort(values.begin(), values.end());
  return values;
}

std::uint16_t bits_of(double value, DType dtype) {
  const auto narrow = static_cast<float>(value);
  return dtype == DType::f16 ? float_to_half(narrow) : float_to_bfloat16(narrow);
}

/// Both neighbours in the table of all values, by the definition of rounding.
std::uint16_t rounded(double value, const std::vector<double>& table, DType dtype) {
  const auto above = std::lower_bound(table.begin(), table.end(), value);
  if (*above == value) return bits_of(value, dtype);
  const double high = *above, low = *(above - 1);
  if (value - low != high - value) return bits_of(value - low < high - value ? low : high, dtype);
  return bits_of(low, dtype) % 2 == 0 ? bits_of(low, dtype) : bits_of(high, dtype);
}

// Against the definition, on random values, on ties, and on values a hair beside ties: those a
// conversion by way of float rounds twice.
TEST(FloatCast, RoundsToNearestEven) {
  std::mt19937_64 random(7);
  for (const DType to : {DType::f16, DType::bf16}) {
    const std::vector<double> table = all_values(to);
    std::vector<double> values;
    for (int i = 0; i < 20000; ++i) {
      const std::size_t at = random() % (table.size() - 1);
      const double tie = table[at] + (table[at + 1] - table[at]) / 2;
      const double beside = std::nextafter(tie, i % 2 == 0 ? 1e300 : -1e300);
      const double between =
          table[at] + (table[at + 1] - table[at]) * (static_cast<double>(random() >> 11) * 0x1p-53);
      for (const double value : {tie, beside, between}) values.push_back(value);
    }
    std::vector<std::uint16_t> result(values.size());
    ASSERT_FALSE(
        cast_floats(bytes(values), DType::f64, reinterpret_cast<std::byte*>(result.data()), to));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint16_t expected = rounded(values[i], table, to);
      // the table has no negative zero
      const bool zero = (expected & 0x7fff) == 0 && (result[i] & 0x7fff) == 0;
      ASSERT_TRUE(zero || result[i] == expected) << values[i] << " to " << to_string(to);
    }
    std::vector<float> floats(values.begin(), values.end());
    ASSERT_FALSE(
        cast_floats(bytes(floats), DType::f32, reinterpret_cast<std::byte*>(result.data()), to));
    for (std::size_t i = 0; i < floats.size(); ++i) {
      const std::uint16_t expected = rounded(floats[i], table, to);
      const bool zero = (expected & 0x7fff) == 0 && (result[i] & 0x7fff) == 0;
      ASSERT_TRUE(zero || result[i] == expected) << floats[i] << " to " << to_string(to);
    }
  }
}

// To a wider type and back is the identity, for every bit pattern.
TEST(FloatCast, WideningIsExact) {
  std::vector<std::uint16_t> all(0x10000);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  for (const DType narrow : {DType::f16, DType::bf16}) {
    for (const DType wide : {DType::f32, DType::f64}) {
      std::vector<std::byte> middle(all.size() * size_of(wide));
      std::vector<std::uint16_t> back(all.size());
      ASSERT_FALSE(cast_floats(bytes(all), narrow, middle.data(), wide));
      ASSERT_FALSE(cast_floats(middle, wide, reinterpret_cast<std::byte*>(back.data()), narrow));
      for (std::size_t i = 0; i < all.size(); ++i) {
        const bool nan = narrow == DType::f16 ? (i & 0x7fff) > 0x7c00 : (i & 0x7fff) > 0x7f80;
        const auto magnitude = static_cast<std::uint16_t>(back[i] & 0x7fff);
        if (nan) {
          ASSERT_GT(magnitude, narrow == DType::f16 ? 0x7c00 : 0x7f80) << i;
        } else {
          ASSERT_EQ(back[i], all[i]);
        }
      }
    }
  }
}

TEST(FloatCast, FindsTheFirstOverflow) {
  struct Case {
    DType to;
    double largest, beyond;  // the largest that is rounded down, and a number past it
  };
  for (const Case& c : {Case{DType::f16, std::nextafter(65520.0, 0.0), 65520.0},
                        Case{DType::bf16, 0x1.feffffp127, 0x1.ffp127},
                        Case{DType::f32, 0x1.fffffefffffffp127, 0x1.ffffffp127}}) {
    for (const double sign : {1.0, -1.0}) {
      const std::vector<double> values = {1.0, sign * c.largest, sign * c.beyond, 1e300};
      std::vector<std::byte> result(values.size() * size_of(c.to));
      const auto overflow = cast_floats(bytes(values), DType::f64, result.data(), c.to);
      ASSERT_TRUE(overflow) << to_string(c.to);
      EXPECT_EQ(overflow->index, 2u);
      EXPECT_EQ(overflow->value, values[2]);
    }
  }
  // what was no number before is none of our business
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {infinity, -infinity, std::nanf(""), 1.0f};
  std::vector<std::uint16_t> result(4);
  EXPECT_FALSE(cast_floats(
      bytes(values), DType::f32, reinterpret_cast<std::byte*>(result.data()), DType::f16));
  EXPECT_EQ(result[0], 0x7c00);
  EXPECT_EQ(result[1], 0xfc00);
  EXPECT_GT(result[2] & 0x7fff, 0x7c00);
}

}  // namespace
}  // namespace sinter::checkpoint
