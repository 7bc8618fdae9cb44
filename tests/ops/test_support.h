#pragma once
// Shared by the operator tests: guarded tensors, random values, and a fixture that runs each test
// with every instruction set of this machine.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/context.h"
#include "cpu/kernels.h"

namespace sinter::ops::test {

inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// f32 values between two bands of a known pattern, filled with NaN at first.
class Guarded {
 public:
  explicit Guarded(Shape shape)
      : shape_(shape), values_(static_cast<std::size_t>(shape.elements()) + 2 * kBand, kNaN) {
    for (std::size_t i = 0; i < kBand; ++i) values_[i] = values_[values_.size() - 1 - i] = kGuard;
  }
  Tensor tensor() { return {data(), DType::f32, Device::cpu, shape_, "test"}; }
  float* data() { return values_.data() + kBand; }
  float& operator[](std::int64_t i) { return data()[i]; }
  std::vector<float> copy() { return {data(), data() + shape_.elements()}; }
  bool intact() const {
    for (std::size_t i = 0; i < kBand; ++i) {
      if (values_[i] != kGuard || values_[values_.size() - 1 - i] != kGuard) return false;
    }
    return true;
  }

 private:
  // Not a multiple of a vector, so that data() is not aligned to one either.
  static constexpr std::size_t kBand = 67;
  static constexpr float kGuard = -12345.678F;
  Shape shape_;
  std::vector<float> values_;
};

/// Normal values, the same for the same seed.
inline Guarded random_values(Shape shape, unsigned seed, float scale = 1.0F, float mean = 0.0F) {
  Guarded values(shape);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(mean, scale);
  for (std::int64_t i = 0; i < shape.elements(); ++i) values[i] = normal(random);
  return values;
}

inline std::vector<float> copy_of(const Tensor& tensor) {
  return {tensor.f32(), tensor.f32() + tensor.elements()};
}

/// Same bits, NaN included.
inline bool same_bytes(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Runs `body` and expects a sinter::Error of this code whose message holds every part.
template <class Body>
void expect_error(ErrorCode code, const std::vector<std::string>& parts, Body body) {
  try {
    body();
    FAIL() << "expected an error about " << (parts.empty() ? "" : parts[0]);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.message();
    for (const std::string& part : parts) {
      EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
    }
    EXPECT_EQ(error.message().find('\n'), std::string::npos) << error.message();
  }
}

/// Runs with one kernel table; the arena's memory is NaN before every operator.
class OpsTest : public testing::TestWithParam<const cpu::Kernels*> {
 protected:
  void SetUp() override {
    best_ = &cpu::kernels();
    cpu::use_kernels(*GetParam());
    poison();
  }
  void TearDown() override { cpu::use_kernels(*best_); }

  void poison() {
    ArenaScope scope(ctx.arena());
    const Tensor all = ctx.allocate(DType::f32, {std::int64_t{3} << 20});
    std::memset(all.data, 0xff, all.bytes());  // a NaN
  }

  /// The bytes of body(ctx) with 1, 2, 3 and 5 threads are the same.
  template <class Body>
  void expect_same_for_any_threads(Body body) {
    ctx.threads = 1;
    const std::vector<float> expected = body();
    for (const int threads : {2, 3, 5}) {
      ctx.threads = threads;
      poison();
      EXPECT_TRUE(same_bytes(expected, body())) << threads << " threads";
    }
    ctx.threads = 1;
  }

  Context ctx;

 private:
  const cpu::Kernels* best_ = nullptr;
};

inline std::vector<const cpu::Kernels*> tables() {
  std::vector<const cpu::Kernels*> list;
  for (const cpu::Kernels* const* table = cpu::all_kernels(); *table != nullptr; ++table) {
    list.push_back(*table);
  }
  return list;
}

inline std::string table_name(const testing::TestParamInfo<const cpu::Kernels*>& table) {
  return table.param->name;
}

/// Declares the fixture `suite`; TEST_P(suite, case) then runs once for each instruction set.
#define SINTER_OPS_TEST_SUITE(suite)                                         \
  class suite : public ::sinter::ops::test::OpsTest {};                      \
  INSTANTIATE_TEST_SUITE_P(Isa,                                              \
                           suite,                                            \
                           testing::ValuesIn(::sinter::ops::test::tables()), \
                           ::sinter::ops::test::table_name)

}  // namespace sinter::ops::test
