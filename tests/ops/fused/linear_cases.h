#pragma once
// What both sides of LinearActivate are tested on.

#include "ops/fused/activate_cases.h"

namespace sinter::fused::test {

struct LinearCase {
  Values x, weight, bias{}, y{};
  ActivationKind kind = ActivationKind::gelu_tanh;
};

/// Channels are multiples of 8, as a device needs them, where `for_device`.
inline std::vector<LinearCase> linear_cases(bool for_device) {
  std::vector<LinearCase> cases;
  unsigned seed = 1;
  struct Shape {
    std::vector<std::int64_t> x;
    std::int64_t out;
  };
  std::vector<Shape> shapes = {{{2, 9, 64}, 40}, {{1, 264}, 8}, {{33, 512}, 136}};
  if (!for_device) shapes.insert(shapes.end(), {{{3, 7}, 5}, {{1, 2, 5, 301}, 17}});
  for (const ElementType type : kFloats) {
    for (const Shape& s : shapes) {
      for (const bool with_bias : {true, false}) {
        const std::int64_t in = s.x.back();
        std::vector<std::int64_t> y = s.x;
        y.back() = s.out;
        LinearCase c{.x = Values::random(type, s.x, ++seed),
                     .weight = Values::random(
                         type, {s.out, in}, ++seed, 1.0F / std::sqrt(static_cast<float>(in))),
                     .y = Values(type, y),
                     .kind = for_device ? ActivationKind::gelu_tanh : kActivations[seed % 4]};
        if (with_bias) c.bias = Values::random(type, {s.out}, ++seed);
        cases.push_back(std::move(c));
      }
    }
  }
  return cases;
}

inline void expect_product(const LinearCase& c, const Values& y) {
  const std::int64_t in = c.weight.shape[1], out = c.weight.shape[0];
  ASSERT_TRUE(y.intact());
  for (std::int64_t i = 0; i < y.count(); ++i) {
    double sum = c.bias.shape.empty() ? 0.0 : c.bias.at(i % out), size = std::abs(sum);
    for (std::int64_t k = 0; k < in; ++k) {
      const double term = c.x.at(i / out * in + k) * c.weight.at(i % out * in + k);
      sum += term;
      size += std::abs(term);
    }
    const double wanted = activation(c.kind, sum);
    // Sums in f32 in any order; no activation is steeper than 1.2. A device's tanh is one
    // instruction, right to 2^-10.7 of what it gives.
    const double slack = 1.2 * size * static_cast<double>(in) * 0x1p-24 + std::abs(sum) * 4e-4;
    ASSERT_NEAR(y.at(i), wanted, slack + half_unit(y.type) * 1.0001 * std::abs(wanted) + 0x1p-25)
        << to_string(y.type) << " element " << i;
  }
}

}  // namespace sinter::fused::test
