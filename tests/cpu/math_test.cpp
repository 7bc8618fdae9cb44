// The vector kernels' elementary functions against float64, densely, for every instruction set that
// this machine can run.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "cpu/kernels.h"

namespace sinter::cpu {
namespace {

/// Every 1021st of the finite floats of both signs up to `limit`: all exponents, odd mantissas.
std::vector<float> dense_floats(float limit) {
  std::vector<float> values;
  const auto end = std::bit_cast<std::uint32_t>(limit);
  for (std::uint32_t bits = 0; bits <= end; bits += 1021) {
    values.push_back(std::bit_cast<float>(bits));
    values.push_back(-std::bit_cast<float>(bits));
  }
  return values;
}

double gelu_erf_reference(double x) {
  return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
}

double gelu_tanh_reference(double x) {
  const double u = std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x);
  return x / (1.0 + std::exp(-2.0 * u));
}

double silu_reference(double x) {
  return x / (1.0 + std::exp(-x));
}

struct Case {
  Pointwise function;
  double (*reference)(double);
  const char* name;
  double error;     ///< bound of |error| / max(1, x), from kernels/math.h
  double relative;  ///< bound of |error / value| for -5 < x < 0
};

const Case kCases[] = {
    {Pointwise::gelu_erf, gelu_erf_reference, "gelu_erf", 9e-8, 2.5e-6},
    {Pointwise::gelu_tanh, gelu_tanh_reference, "gelu_tanh", 9e-8, 2.5e-6},
    {Pointwise::silu, silu_reference, "silu", 9e-8, 3e-7},
};

TEST(Math, ActivationsMatchFloat64OverTheFloatRange) {
  const std::vector<float> inputs = dense_floats(3e38F);
  for (const Case& c : kCases) {
    for (const Kernels* const* table = all_kernels(); *table != nullptr; ++table) {
      std::vector<float> values = inputs;
      (*table)->activate(values.data(), static_cast<std::int64_t>(values.size()), c.function);
      double worst = 0.0, worst_relative = 0.0;
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const double x = inputs[i];
        const double expected = c.reference(x);
        const double error = std::abs(values[i] - expected);
        worst = std::max(worst, error / std::max(1.0, x));
        // Denormal results carry fewer bits; they are covered by the absolute bound.
        if (x > -5.0 && x < -1e-30) worst_relative = std::max(worst_relative, error / -expected);
      }
      EXPECT_LE(worst, c.error) << c.name << " " << (*table)->name;
      EXPECT_LE(worst_relative, c.relative) << c.name << " " << (*table)->name;
    }
  }
}

TEST(Math, ActivationsKeepSpecialValues) {
  const float inf = std::numeric_limits<float>::infinity();
  for (const Case& c : kCases) {
    for (const Kernels* const* table = all_kernels(); *table != nullptr; ++table) {
      float values[] = {0.0F, inf, -inf, std::numeric_limits<float>::quiet_NaN(), -3.4e38F};
      (*table)->activate(values, 5, c.function);
      EXPECT_EQ(values[0], 0.0F);
      EXPECT_EQ(values[1], inf) << c.name;
      EXPECT_EQ(values[2], 0.0F) << c.name;
      EXPECT_TRUE(std::isnan(values[3])) << c.name;
      EXPECT_EQ(values[4], 0.0F) << c.name;
    }
  }
}

TEST(Math, ActivationsDoNotDependOnThePosition) {
  // The same value in a full vector and in every lane of a rest.
  for (const Case& c : kCases) {
    for (const Kernels* const* table = all_kernels(); *table != nullptr; ++table) {
      float full[64];
      std::fill(full, full + 64, -0.731F);
      (*table)->activate(full, 64, c.function);
      for (int count = 1; count < 40; ++count) {
        float part[64];
        std::fill(part, part + 64, -0.731F);
        (*table)->activate(part, count, c.function);
        for (int i = 0; i < count; ++i) ASSERT_EQ(part[i], full[0]) << c.name << count;
        for (int i = count; i < 64; ++i) ASSERT_EQ(part[i], -0.731F) << c.name << count;
      }
    }
  }
}

TEST(Math, SineAndCosineMatchFloat64) {
  // Points up to 1.01 and the highest frequency, 2^15, with and without pi.
  for (const float base : {1.0F, 3.14159274F}) {
    for (const Kernels* const* table = all_kernels(); *table != nullptr; ++table) {
      double worst = 0.0;
      for (int step = -20000; step <= 20000; ++step) {
        const float point[3] = {
            1.01F * static_cast<float>(step) / 20000.0F, static_cast<float>(step) * 1e-6F, 0.37F};
        float dst[3 + 96];
        (*table)->fourier({point, 1, 16, base, dst});
        for (int c = 0; c < 3; ++c) {
          float angle = point[c] * base;
          for (int j = 0; j < 16; ++j, angle *= 2.0F) {
            worst = std::max(worst, std::abs(dst[3 + 16 * c + j] - std::sin(double{angle})));
            worst = std::max(worst, std::abs(dst[51 + 16 * c + j] - std::cos(double{angle})));
          }
        }
      }
      EXPECT_LE(worst, 1e-7) << (*table)->name;
    }
  }
}

}  // namespace
}  // namespace sinter::cpu
