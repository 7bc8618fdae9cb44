#pragma once
// What both sides of NormScaleShift are tested on: kinds, types, forms of the vectors, layouts.

#include "ops/fused/gated_add_cases.h"

namespace sinter::fused::test {

/// Absent operands have no shape.
struct NormCase {
  NormKind kind = NormKind::layer;
  Values x, residual, gate, weight, bias, scale, shift, y, sum;
  float eps = 1e-6F;
  ElementType norm_type = ElementType::f32;
  bool weight_in_f32 = false;
  Rounding rounding = Rounding::exact;

  NormScaleShift op() {
    return {.kind = kind,
            .x = x.array(),
            .residual = residual.array(),
            .gate = gate.array(),
            .weight = weight.array(),
            .bias = bias.array(),
            .scale = scale.array(),
            .shift = shift.array(),
            .y = y.array(),
            .sum = sum.array(),
            .eps = eps,
            .norm_type = norm_type,
            .weight_in_f32 = weight_in_f32,
            .rounding = rounding};
  }
  static bool has(const Values& v) { return !v.shape.empty(); }
  double vector_at(const Values& v, std::int64_t i) const {
    return v.at(modulation_index(v.shape, x.shape, i));
  }
  std::string name() const {
    const auto list = [](const Values& v) {
      std::string text = has(v) ? std::string(" ") + to_string(v.type) : " -";
      for (const std::int64_t extent : v.shape) text += "," + std::to_string(extent);
      return text;
    };
    return std::string(kind == NormKind::layer ? "layer" : "rms") +
           (rounding == Rounding::exact ? " exact" : " fast") + " norm " + to_string(norm_type) +
           (weight_in_f32 ? " weight in f32" : "") + " x" + list(x) + " weight" + list(weight) +
           " scale" + list(scale) + " residual" + list(residual) + " gate" + list(gate);
  }
};

/// What a case should give, in f64 but for the roundings that the mode asks for.
class NormReference {
 public:
  explicit NormReference(const NormCase& c) : c_(c), columns_(c.x.shape.back()) {
    const std::int64_t count = c.x.count();
    for (std::int64_t i = 0; i < count; ++i) normed_.push_back(sum(i));
    for (std::int64_t row = 0; row < count / columns_; ++row) {
      double mean = 0.0, squares = 0.0;
      const auto at = [&](std::int64_t d) {
        return normed_[static_cast<std::size_t>(row * columns_ + d)];
      };
      for (std::int64_t d = 0; d < columns_; ++d) mean += at(d) / static_cast<double>(columns_);
      if (c.kind == NormKind::rms) mean = 0.0;
      for (std::int64_t d = 0; d < columns_; ++d)
        squares += (at(d) - mean) * (at(d) - mean) / static_cast<double>(columns_);
      means_.push_back(mean);
      inverses_.push_back(1.0 / std::sqrt(squares + c.eps));
    }
  }

  /// Of element i; absent residuals give x.
  double sum(std::int64_t i) const {
    const ElementType type = c_.x.type;
    if (!NormCase::has(c_.residual)) return c_.x.at(i);
    const bool gated = NormCase::has(c_.gate);
    const double product = (gated ? c_.vector_at(c_.gate, i) : 1.0) * c_.x.at(i);
    if (!exact()) {
      const float fused = std::fma(static_cast<float>(gated ? c_.vector_at(c_.gate, i) : 1.0),
                                   static_cast<float>(c_.x.at(i)),
                                   static_cast<float>(c_.residual.at(i)));
      return nearest(fused, type);
    }
    const double rounded =
        nearest(nearest(product, ElementType::f32), gated ? promoted(c_.gate.type, type) : type);
    return nearest(nearest(c_.residual.at(i) + rounded, ElementType::f32), type);
  }

  double y(std::int64_t i) const {
    const auto row = static_cast<std::size_t>(i / columns_);
    double n = (normed_[static_cast<std::size_t>(i)] - means_[row]) * inverses_[row];
    ElementType type = c_.norm_type;
    const auto round = [&](double x, ElementType to) { return exact() ? nearest(x, to) : x; };
    if (!NormCase::has(c_.weight)) {
      n = round(n, type);
    } else {
      const bool after = c_.kind == NormKind::rms && !c_.weight_in_f32;
      if (after) n = round(n, type);
      n *= c_.weight.at(i % columns_);
      if (NormCase::has(c_.bias)) n += c_.bias.at(i % columns_);
      if (after) type = promoted(type, c_.weight.type);
      n = round(n, type);
    }
    if (NormCase::has(c_.scale)) {
      const double factor = round(1.0 + c_.vector_at(c_.scale, i), c_.scale.type);
      type = promoted(type, c_.scale.type);
      n = round(n * factor, type);
      n = round(n + c_.vector_at(c_.shift, i), promoted(type, c_.shift.type));
    }
    return nearest(n, c_.x.type);
  }

 private:
  bool exact() const { return c_.rounding == Rounding::exact; }

  const NormCase& c_;
  std::int64_t columns_;
  std::vector<double> normed_, means_, inverses_;
};

/// f32 arithmetic moves a value by some 2^-22 of itself, and so over the border between two values
/// of a 16-bit type once in some two hundred times and rounding; over that of f32, always. A
/// rounding too many or too few would move every third. What is moved is by one unit of the largest
/// number on the way.
struct Moved {
  std::int64_t all = 0, moved = 0;
  double share() const { return static_cast<double>(moved) / static_cast<double>(all); }
};
inline constexpr double kMostMoved = 0.01;

/// y and sum are what came of case c.
inline void expect_norm(const NormCase& c, const Values& y, const Values& sum, Moved& moved) {
  SCOPED_TRACE(c.name());
  const NormReference reference(c);
  if (NormCase::has(c.residual))
    expect_values(sum, 0.0, [&](std::int64_t i) { return reference.sum(i); });
  const bool is_f32 = y.type == ElementType::f32;
  const double units = 2.0 * half_unit(y.type) * (is_f32 ? 16.0 : 2.0);
  for (std::int64_t i = 0; i < y.count(); ++i) {
    const double wanted = reference.y(i), actual = y.at(i);
    double largest = std::abs(wanted) + 1.0;
    if (NormCase::has(c.scale))
      largest += std::abs(c.vector_at(c.shift, i)) + std::abs(c.vector_at(c.scale, i)) * 4.0;
    if (NormCase::has(c.bias)) largest += std::abs(c.bias.at(i % c.x.shape[2]));
    ASSERT_NEAR(actual, wanted, largest * units) << "element " << i;
    if (is_f32) continue;
    ++moved.all;
    moved.moved += actual != wanted;
  }
  EXPECT_TRUE(y.intact());
}

/// Every form of scale and shift with every type and layout, over half of the options each.
inline std::vector<NormCase> norm_cases() {
  std::vector<NormCase> cases;
  unsigned seed = 1;
  struct Layout {
    std::int64_t columns, gap, offset;
  };
  const std::int64_t batch = 2, tokens = 6;
  for (const ElementType type : kFloats) {
    for (const Layout& l : {Layout{40, 0, 24},
                            {512, 8, 2},
                            {1024, 8, 8},
                            {644, 4, 24},
                            {130, 3, 1},
                            {13, 0, 24},
                            {1, 2, 0}}) {
      const std::int64_t d = l.columns, row = d + l.gap;
      const std::vector<std::int64_t> shape = {batch, tokens, d};
      const std::vector<std::int64_t> strides = {row * tokens + l.gap * 4, row, 1};
      const auto some = [&](float deviation) {
        return Values::random(type, shape, ++seed, deviation, strides, l.offset);
      };
      for (const std::vector<std::int64_t>& form : {std::vector<std::int64_t>{},
                                                    {1},
                                                    {d},
                                                    {batch, 1, d},
                                                    {batch, tokens, d},
                                                    {1, 3, 1, d}}) {
        for (int option = static_cast<int>(++seed % 2); option < 8; option += 2) {
          const ElementType vector_type = kFloats[(seed + 1) % 3];
          const auto vector = [&](const std::vector<std::int64_t>& extents, ElementType t) {
            return extents.empty() ? Values() : Values::random(t, extents, ++seed, 0.5F);
          };
          NormCase c;
          c.kind = seed % 5 < 3 ? NormKind::layer : NormKind::rms;
          c.x = some(2.0F);
          c.y = Values(type, shape, strides, l.offset);
          c.scale = vector(form, option < 6 ? type : vector_type);
          c.shift = vector(form, option < 6 ? type : vector_type);
          if (option % 4 >= 2) {
            const ElementType weight_type = seed % 2 == 0 ? type : ElementType::f32;
            c.weight = vector({d}, weight_type);
            if (c.kind == NormKind::layer) c.bias = vector({d}, weight_type);
          }
          if (option >= 3) {
            c.residual = some(1.0F);
            c.sum = Values(type, shape, strides, l.offset);
            if (option >= 4) c.gate = vector(form, option < 6 ? type : vector_type);
          }
          c.norm_type = seed % 3 == 0 ? ElementType::f32 : type;
          c.weight_in_f32 = seed % 5 == 0;
          c.rounding = kRoundings[++seed % 2];
          cases.push_back(std::move(c));
        }
      }
    }
  }
  return cases;
}

}  // namespace sinter::fused::test
