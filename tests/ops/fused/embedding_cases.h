#pragma once
// The tables and embeddings that both sides are tested on, in f64.

#include "ops/fused/arrays.h"

namespace sinter::fused::test {

inline std::vector<RotaryTable> rotary_tables() {
  return {{.grid = {3, 5, 7}, .dims = {16, 56, 56}, .theta = 256.0, .table = {}},
          {.grid = {2, 30, 52}, .dims = {44, 42, 42}, .first = 1500, .table = {}},
          {.grid = {1, 1, 40}, .dims = {0, 2, 6}, .theta = 10.5, .table = {}},
          {.grid = {9, 1, 2}, .dims = {2, 0, 0}, .first = 17, .table = {}}};
}

inline Values table_for(const RotaryTable& op) {
  const std::int64_t tokens = op.grid[0] * op.grid[1] * op.grid[2] - op.first;
  return {ElementType::f32,
          {std::min<std::int64_t>(tokens, 100), op.dims[0] + op.dims[1] + op.dims[2]}};
}

inline void expect_table(const RotaryTable& op, const Values& table) {
  const std::int64_t columns = table.shape[1], half = columns / 2;
  const std::int64_t plane = op.grid[1] * op.grid[2];
  expect_values(table, 1e-12, [&](std::int64_t index) {
    const std::int64_t token = op.first + index / columns;
    std::int64_t i = index % columns % half;
    const std::int64_t positions[] = {
        token / plane, token % plane / op.grid[2], token % op.grid[2]};
    int axis = 0;
    while (i >= op.dims[static_cast<std::size_t>(axis)] / 2)
      i -= op.dims[static_cast<std::size_t>(axis++)] / 2;
    const double angle =
        static_cast<double>(positions[axis]) *
        std::pow(op.theta, -2.0 * static_cast<double>(i) / op.dims[static_cast<std::size_t>(axis)]);
    return index % columns < half ? std::cos(angle) : std::sin(angle);
  });
}

struct TimestepCase {
  Values t, y;
  TimestepEmbedding options;
  TimestepEmbedding op() {
    TimestepEmbedding made = options;
    made.t = t.array();
    made.y = y.array();
    return made;
  }
};

inline std::vector<TimestepCase> timestep_cases() {
  std::vector<TimestepCase> cases;
  unsigned seed = 1;
  for (const ElementType in : kFloats) {
    for (const ElementType out : kFloats) {
      for (const std::int64_t dim : {2, 6, 256, 320}) {
        TimestepEmbedding options{.t = {}, .y = {}};
        if (++seed % 2 == 0) options.max_period = options.scale = 1000.0F;
        if (seed % 3 == 0) options.shift = 0.5F;
        options.cosine_first = seed % 5 < 2;
        cases.push_back(
            {.t = Values::random(in, {7}, seed, options.scale > 1.0F ? 0.5F : 300.0F, {2}),
             .y = Values(out, {7, dim}),
             .options = options});
      }
    }
  }
  return cases;
}

inline void expect_embedded(const TimestepCase& c, const Values& y) {
  const TimestepEmbedding& o = c.options;
  const std::int64_t dim = y.shape[1], half = dim / 2;
  ASSERT_TRUE(y.intact());
  for (std::int64_t index = 0; index < y.count(); ++index) {
    const double t = c.t.at(index / dim);
    const std::int64_t i = index % dim % half;
    const double exponent = std::log(double{o.max_period}) * static_cast<double>(i) /
                            (static_cast<double>(half) - o.shift);
    const double angle = o.scale * t * std::exp(-exponent);
    const double wanted =
        (index % dim < half) == o.cosine_first ? std::cos(angle) : std::sin(angle);
    // Angles are f32: their error grows with them, and with the exponent's.
    const double slack = 2e-7 + std::abs(angle) * 1.2e-7 * (3.0 + exponent);
    ASSERT_NEAR(
        y.at(index), wanted, slack + half_unit(y.type) * 1.0001 * std::abs(wanted) + 0x1p-25)
        << to_string(c.t.type) << " to " << to_string(y.type) << " " << dim << " element " << index;
  }
}

}  // namespace sinter::fused::test
