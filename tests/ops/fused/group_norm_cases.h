#pragma once
// What both sides of GroupNormSilu are tested on, and the norm in f64.

#include "ops/fused/arrays.h"

namespace sinter::fused::test {

struct GroupNormCase {
  Values x, weight, bias, y;
  std::int64_t groups = 1;
  float eps = 1e-5F;
  bool silu = true, weighted = true;
  Rounding rounding = Rounding::exact;

  GroupNormSilu op() {
    return {.x = x.array(),
            .weight = weighted ? weight.array() : Array{},
            .bias = weighted ? bias.array() : Array{},
            .y = y.array(),
            .groups = groups,
            .eps = eps,
            .silu = silu,
            .rounding = rounding};
  }
};

struct GroupNormForm {
  std::vector<std::int64_t> shape;
  std::int64_t groups = 1;
  bool channels_last = false;
  std::int64_t offset = 24;  // of the first element: not a multiple of 8 is not aligned
};

inline std::vector<std::int64_t> channels_last_strides(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = shape[1];
  for (std::size_t i = shape.size(); i-- > 2; stride *= shape[i]) strides[i] = stride;
  strides[1] = 1;
  strides[0] = stride;
  return strides;
}

/// Values far from zero, so that sums of squares without care would lose their digits.
inline GroupNormCase group_norm_case(const GroupNormForm& form,
                                     ElementType type,
                                     ElementType weight_type,
                                     Rounding rounding,
                                     unsigned seed,
                                     float center = 20.0F) {
  const std::int64_t channels = form.shape[1];
  const auto strides =
      form.channels_last ? channels_last_strides(form.shape) : std::vector<std::int64_t>{};
  GroupNormCase c{.x = Values(type, form.shape, strides, form.offset),
                  .weight = Values::random(weight_type, {channels}, seed + 1),
                  .bias = Values::random(weight_type, {channels}, seed + 2),
                  .y = Values(type, form.shape, strides, form.offset),
                  .groups = form.groups,
                  .rounding = rounding};
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(center, 2.0F);
  for (std::int64_t i = 0; i < c.x.count(); ++i) c.x.set(i, normal(engine));
  return c;
}

inline void expect_group_norm(const GroupNormCase& c, const Values& y) {
  ASSERT_TRUE(y.intact());
  const std::int64_t channels = c.x.shape[1], of_group = channels / c.groups;
  const std::int64_t positions = c.x.count() / c.x.shape[0] / channels;
  const std::int64_t elements = of_group * positions;
  const bool exact = c.rounding == Rounding::exact;
  const double unit = half_unit(c.x.type), least = c.x.type == ElementType::f16 ? 0x1p-25 : 0.0;
  const double eps = exact ? nearest(c.eps, c.x.type) : c.eps;
  for (std::int64_t first = 0; first < c.x.count(); first += elements) {
    double mean = 0, variance = 0;
    for (std::int64_t i = 0; i < elements; ++i) mean += c.x.at(first + i);
    mean /= static_cast<double>(elements);
    for (std::int64_t i = 0; i < elements; ++i)
      variance += std::pow(c.x.at(first + i) - mean, 2) / static_cast<double>(elements);
    double inverse = 1.0 / std::sqrt(variance + eps);
    if (exact) {  // PyTorch's statistics are of x's type
      mean = nearest(mean, c.x.type);
      inverse = nearest(inverse, c.x.type);
    }
    for (std::int64_t i = first; i < first + elements; ++i) {
      const std::int64_t channel = i / positions % channels;
      const double weight = c.weighted ? c.weight.at(channel) : 1.0;
      const double bias = c.weighted ? c.bias.at(channel) : 0.0;
      const double z = (c.x.at(i) - mean) * inverse * weight + bias;
      const double wanted = c.silu ? z / (1.0 + std::exp(-z)) : z;
      // x scale + shift cancels; z is rounded before silu, whose slope is at most 1.1, and may be
      // rounded to the other neighbour.
      const double scale = std::abs(weight * inverse);
      double slack = 3e-6 * (1.0 + scale * (std::abs(c.x.at(i)) + std::abs(mean)) + std::abs(bias));
      if (exact) slack += 1.1 * (unit * std::abs(z) + least);
      ASSERT_NEAR(y.at(i), wanted, unit * 1.0001 * std::abs(wanted) + least + slack)
          << to_string(c.x.type) << (exact ? " exact" : " fast") << " element " << i << " of "
          << c.x.at(i);
    }
  }
}

}  // namespace sinter::fused::test
