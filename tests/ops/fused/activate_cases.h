#pragma once
// What both sides of Activate are tested on, and the functions in f64.

#include <numbers>

#include "ops/fused/arrays.h"

namespace sinter::fused::test {

inline constexpr ActivationKind kActivations[] = {ActivationKind::gelu,
                                                  ActivationKind::gelu_tanh,
                                                  ActivationKind::fast_gelu,
                                                  ActivationKind::silu};

inline double activation(ActivationKind kind, double x) {
  using std::numbers::pi;
  using std::numbers::sqrt2;
  switch (kind) {
    case ActivationKind::gelu:
      return 0.5 * x * std::erfc(-x / sqrt2);
    case ActivationKind::gelu_tanh:
      return x / (1.0 + std::exp(-2.0 * std::sqrt(2.0 / pi) * (x + 0.044715 * x * x * x)));
    case ActivationKind::fast_gelu:
      return x / (1.0 + std::exp(-1.702 * x));
    case ActivationKind::silu:
      return x / (1.0 + std::exp(-x));
  }
  return x;
}

struct ActivateCase {
  ActivationKind kind = ActivationKind::gelu;
  Values x, multiplier{}, y{};
  bool multiplied = false;
  Rounding rounding = Rounding::exact;
  Activate op() {
    return {.kind = kind,
            .x = x.array(),
            .multiplier = multiplied ? multiplier.array() : Array{},
            .y = y.array(),
            .rounding = rounding};
  }
  /// How far y may be from the true result besides its last rounding.
  double slack(std::int64_t i) const {
    const double value = x.at(i), factor = multiplied ? std::abs(multiplier.at(i)) : 1.0;
    const double wanted = std::abs(activation(kind, value));
    // exp and its relatives, and the argument's own rounding, which grows with it; results below
    // 2^-126 may be zero.
    const double f32 = factor * wanted * 2e-7 * (8.0 + std::abs(value) * std::abs(value)) + 2e-38;
    if (rounding == Rounding::fast) return f32;
    // 1 + erf and 1 + tanh are rounded near 1; results that are rounded before the last one, by as
    // much as it, and so is fast_gelu's argument, which the sigmoid's slope then multiplies.
    const double rounded =
        (multiplied ? 1.0 : 0.0) +
        (kind == ActivationKind::fast_gelu ? 1.0 + 1.702 * std::abs(value) : 0.0);
    const double least = x.type == ElementType::f16 ? 0x1p-25 * (1.0 + std::abs(value)) : 0.0;
    return f32 + factor * (std::abs(value) * 3e-7 + 1.01 * half_unit(x.type) * wanted * rounded +
                           2.0 * least);
  }
};

inline std::vector<ActivateCase> activate_cases() {
  std::vector<ActivateCase> cases;
  unsigned seed = 1;
  struct Layout {
    std::vector<std::int64_t> shape, strides;
    std::int64_t offset;
  };
  const Layout layouts[] = {{{3, 5, 24}, {}, 24},               // contiguous, aligned
                            {{7, 13}, {}, 24},                  // the last group is not full
                            {{2011}, {}, 3},                    // not aligned
                            {{3, 5, 24}, {5 * 48, 48, 1}, 24},  // one half of rows
                            {{3, 5, 24}, {5 * 48, 48, 1}, 48},  // the other half
                            {{4, 1, 9}, {11, 7, 1}, 1},
                            {{2, 3, 2, 2, 8}, {96, 32, 16, 8, 1}, 8}};
  for (const ElementType type : kFloats) {
    for (const ActivationKind kind : kActivations) {
      for (const bool multiplied : {false, true}) {
        for (const Rounding rounding : kRoundings) {
          for (const Layout& l : layouts) {
            cases.push_back(
                {.kind = kind,
                 .x = Values::random(type, l.shape, ++seed, 3.0F, l.strides, l.offset),
                 .multiplier = Values::random(type, l.shape, ++seed, 1.0F, l.strides, l.offset),
                 .y = Values(type, l.shape, l.strides, l.offset),
                 .multiplied = multiplied,
                 .rounding = rounding});
          }
        }
      }
    }
  }
  return cases;
}

inline void expect_activated(const ActivateCase& c, const Values& y) {
  ASSERT_TRUE(y.intact());
  for (std::int64_t i = 0; i < y.count(); ++i) {
    const double wanted = activation(c.kind, c.x.at(i)) * (c.multiplied ? c.multiplier.at(i) : 1.0);
    const double least = y.type == ElementType::f16 ? 0x1p-25 : 0.0;
    ASSERT_NEAR(y.at(i), wanted, half_unit(y.type) * 1.0001 * std::abs(wanted) + least + c.slack(i))
        << to_string(y.type) << " kind " << static_cast<int>(c.kind)
        << (c.multiplied ? " multiplied" : "")
        << (c.rounding == Rounding::exact ? " exact" : " fast") << " of " << c.x.at(i);
  }
}

}  // namespace sinter::fused::test
