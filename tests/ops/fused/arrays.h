#pragma once
// Arrays for the tests of the fused operators: any element type and strides, random values, and NaN
// wherever no element lies, so that what an operator must not touch stays visible.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "ops/fused/host.h"

namespace sinter::fused::test {

inline constexpr ElementType kFloats[] = {ElementType::f32, ElementType::f16, ElementType::bf16};
inline constexpr Rounding kRoundings[] = {Rounding::exact, Rounding::fast};

/// Half the distance between neighbours at 1, relative: what one rounding to nearest costs at most.
inline double half_unit(ElementType type) {
  return std::ldexp(1.0, type == ElementType::f32 ? -24 : type == ElementType::f16 ? -11 : -8);
}

/// The nearest value of the type, found without its bits; even of two that are as near. In range.
inline double nearest(double x, ElementType type) {
  if (x == 0.0 || !std::isfinite(x)) return x;
  int exponent = 0;
  std::frexp(x, &exponent);
  const int bits = type == ElementType::f32 ? 24 : type == ElementType::f16 ? 11 : 8;
  const int least = type == ElementType::f16 ? -24 : -149;
  const double unit = std::ldexp(1.0, std::max(exponent - bits, least));
  return std::nearbyint(x / unit) * unit;
}

struct Values {
  ElementType type = ElementType::f32;
  std::vector<std::int64_t> shape, strides;
  std::vector<std::uint8_t> bytes;  // with guards before and behind

  Values() = default;
  /// NaN everywhere. Strides in elements; contiguous where there are none. `offset` elements before
  /// the first: not a multiple of 8 is not aligned.
  Values(ElementType t,
         std::vector<std::int64_t> extents,
         std::vector<std::int64_t> steps = {},
         std::int64_t offset = kGuard)
      : type(t), shape(std::move(extents)), strides(std::move(steps)), offset_(offset) {
    if (strides.empty()) {
      strides.assign(shape.size(), 1);
      for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
    }
    std::int64_t span = 1;
    for (std::size_t i = 0; i < shape.size(); ++i) span += (shape[i] - 1) * strides[i];
    bytes.assign(static_cast<std::size_t>(span + offset_ + kGuard) * element_bytes(), 0xFF);
  }
  /// Normal values.
  static Values random(ElementType type,
                       std::vector<std::int64_t> shape,
                       unsigned seed,
                       float deviation = 1.0F,
                       std::vector<std::int64_t> strides = {},
                       std::int64_t offset = kGuard) {
    Values values(type, std::move(shape), std::move(strides), offset);
    std::mt19937 engine(seed);
    std::normal_distribution<float> normal(0.0F, deviation);
    for (std::int64_t i = 0; i < values.count(); ++i) values.set(i, normal(engine));
    return values;
  }

  std::int64_t count() const {
    std::int64_t n = 1;
    for (const std::int64_t extent : shape) n *= extent;
    return n;
  }
  double at(std::int64_t i) const { return load(bytes.data(), type, place(i)); }
  void set(std::int64_t i, float value) { store(bytes.data(), type, place(i), value); }
  /// At `data`, where a copy of `bytes` lies.
  Array array(void* data, int device) const {
    Array x{.data = static_cast<std::uint8_t*>(data) + offset_bytes(),
            .type = type,
            .device = device,
            .rank = static_cast<int>(shape.size())};
    for (std::size_t i = 0; i < shape.size(); ++i) {
      x.shape[i] = shape[i];
      x.strides[i] = strides[i];
    }
    return x;
  }
  Array array() { return array(bytes.data(), kHost); }
  /// What is no element is as it was made.
  bool intact() const {
    std::vector<std::uint8_t> rest = bytes;
    for (std::int64_t i = 0; i < count(); ++i)
      std::memset(rest.data() + static_cast<std::size_t>(place(i)) * element_bytes(),
                  0xFF,
                  element_bytes());
    for (const std::uint8_t byte : rest)
      if (byte != 0xFF) return false;
    return true;
  }

 private:
  static constexpr std::int64_t kGuard = 24;
  std::size_t element_bytes() const { return size_of(dtype_of(type)); }
  std::size_t offset_bytes() const { return static_cast<std::size_t>(offset_) * element_bytes(); }
  std::int64_t place(std::int64_t i) const {
    std::int64_t where = offset_;
    for (std::size_t axis = shape.size(); axis-- > 0; i /= shape[axis])
      where += i % shape[axis] * strides[axis];
    return where;
  }
  std::int64_t offset_ = 0;
};

/// Each element is `wanted(i)` up to its rounding and `slack`, which covers f32 arithmetic and what
/// cancels in it; nothing else was touched.
template <class Wanted>
void expect_values(const Values& actual, double slack, Wanted wanted) {
  const double least = actual.type == ElementType::f16 ? 0x1p-25 : 0.0;
  for (std::int64_t i = 0; i < actual.count(); ++i) {
    const double w = wanted(i);
    ASSERT_NEAR(actual.at(i), w, half_unit(actual.type) * 1.0001 * std::abs(w) + least + slack)
        << to_string(actual.type) << " element " << i;
  }
  EXPECT_TRUE(actual.intact());
}

/// The same bits, what is no element included.
inline void expect_same(const Values& actual, const Values& wanted) {
  ASSERT_EQ(actual.bytes.size(), wanted.bytes.size());
  EXPECT_TRUE(actual.intact());
  for (std::int64_t i = 0; i < actual.count(); ++i) {
    const double a = actual.at(i), w = wanted.at(i);
    ASSERT_TRUE(a == w || (std::isnan(a) && std::isnan(w)))
        << to_string(actual.type) << " element " << i << ": " << a << " instead of " << w;
  }
}

template <class Op>
void expect_refused(const Op& op, const std::string& part) {
  const std::string line = refusal(op);
  EXPECT_NE(line.find(part), std::string::npos) << "got: " << line;
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_THROW(run(op), Error);
}

}  // namespace sinter::fused::test
