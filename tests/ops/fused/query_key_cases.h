#pragma once
// What both sides of QueryKeyNorm are tested on, and the formula in f64.

#include "ops/fused/arrays.h"

namespace sinter::fused::test {

struct QueryKeyCase {
  Values q{}, k{}, q_weight{}, k_weight{}, table{};
  std::vector<std::int32_t> positions{};
  QueryKeyNorm options{};

  /// With the operands where `place(values)` has them; positions where they are given.
  template <class Place>
  QueryKeyNorm op(Place place, const void* position_data, int device) {
    QueryKeyNorm made = options;
    made.q = place(q);
    if (!k.shape.empty()) made.k = place(k);
    if (!q_weight.shape.empty()) made.q_weight = place(q_weight);
    if (!k_weight.shape.empty()) made.k_weight = place(k_weight);
    if (!table.shape.empty()) made.table = place(table);
    if (!positions.empty()) {
      made.positions = {.data = const_cast<void*>(position_data),
                        .type = ElementType::i32,
                        .device = device,
                        .rank = 1};
      made.positions.shape[0] = static_cast<std::int64_t>(positions.size());
      made.positions.strides[0] = 1;
    }
    return made;
  }
  QueryKeyNorm op() {
    return op([](Values& values) { return values.array(); }, positions.data(), kHost);
  }
  std::string text() const {
    std::string t = std::string(to_string(q.type)) + " [" + std::to_string(q.shape[0]) + ", " +
                    std::to_string(q.shape[1]) + ", " + std::to_string(q.shape[2]) + ", " +
                    std::to_string(q.shape[3]) + "]";
    if (options.whole_row) t += " whole row";
    if (options.weight_in_f32) t += " weight in f32";
    if (!options.normalize) t += " rotation alone";
    if (!table.shape.empty()) t += " rotary " + std::to_string(table.shape[1]);
    if (options.pairs == RotaryPairs::halves) t += " halves";
    return t + (options.rounding == Rounding::exact ? " exact" : " fast");
  }
};

/// The result for the vectors of x, in f64, and how far a result in f32 with the roundings of
/// `exact` may be from it.
struct Reference {
  std::vector<double> value, slack;

  Reference(const QueryKeyCase& c, const Values& x, const Values& weight)
      : value(static_cast<std::size_t>(x.count())), slack(value.size()) {
    const QueryKeyNorm& o = c.options;
    const std::int64_t tokens = x.shape[1], heads = x.shape[2], dim = x.shape[3];
    const bool exact = o.rounding == Rounding::exact;
    const double unit = exact ? half_unit(x.type) : 0.0, f32 = 0x1p-21;
    for (std::int64_t v = 0; v < x.count() / dim; ++v) {
      const std::int64_t head = v % heads, token = v / heads % tokens;
      const std::int64_t first = o.whole_row ? v - head : v, many = o.whole_row ? heads : 1;
      double squares = 0.0;
      for (std::int64_t i = first * dim; i < (first + many) * dim; ++i)
        squares += x.at(i) * x.at(i);
      const double inverse =
          1.0 / std::sqrt(squares / static_cast<double>(many * dim) + double{o.eps});
      for (std::int64_t d = 0; d < dim; ++d) {
        double n = x.at(v * dim + d);
        if (o.normalize) n *= inverse;
        if (!weight.shape.empty()) n *= weight.at(o.whole_row ? head * dim + d : d);
        value[static_cast<std::size_t>(v * dim + d)] = n;
        // Up to two roundings before the last.
        slack[static_cast<std::size_t>(v * dim + d)] =
            std::abs(n) * (f32 + 2.02 * unit) +
            (exact && x.type == ElementType::f16 ? 0x1p-23 : 1e-37);
      }
      rotate(c, token, v * dim);
    }
  }

 private:
  void rotate(const QueryKeyCase& c, std::int64_t token, std::int64_t start) {
    const QueryKeyNorm& o = c.options;
    if (c.table.shape.empty() || token < o.first_token ||
        (o.tokens >= 0 && token >= o.first_token + o.tokens))
      return;
    const std::int64_t position =
        c.positions.empty() ? token : c.positions[static_cast<std::size_t>(token)];
    if (position < 0 || position >= c.table.shape[0]) return;
    const std::int64_t rotary = c.table.shape[1], half = rotary / 2;
    for (std::int64_t i = 0; i < half; ++i) {
      const bool halves = o.pairs == RotaryPairs::halves;
      const auto a = static_cast<std::size_t>(start + (halves ? i : 2 * i));
      const auto b = static_cast<std::size_t>(start + (halves ? i + half : 2 * i + 1));
      const double cosine = c.table.at(position * rotary + i);
      const double sine = c.table.at(position * rotary + half + i);
      const double va = value[a], vb = value[b];
      value[a] = va * cosine - vb * sine;
      value[b] = vb * cosine + va * sine;
      const double both = slack[a] + slack[b] + 0x1p-21 * (std::abs(va) + std::abs(vb));
      slack[a] = slack[b] = both;
    }
  }
};

inline void expect_normed(const QueryKeyCase& before,
                          const Values& after,
                          const Values& x,
                          const Values& weight) {
  const Reference wanted(before, x, weight);
  ASSERT_TRUE(after.intact()) << before.text();
  const double least = x.type == ElementType::f16 ? 0x1p-25 : 0.0;
  for (std::int64_t i = 0; i < x.count(); ++i) {
    const double w = wanted.value[static_cast<std::size_t>(i)];
    ASSERT_NEAR(after.at(i),
                w,
                half_unit(x.type) * 1.0001 * std::abs(w) + least +
                    wanted.slack[static_cast<std::size_t>(i)])
        << before.text() << " element " << i;
  }
}

/// Random tables: a rotation by any angles is as good as that of a model's.
inline Values random_table(std::int64_t positions, std::int64_t rotary, unsigned seed) {
  Values table(ElementType::f32, {positions, rotary});
  std::mt19937 engine(seed);
  std::uniform_real_distribution<double> angle(-3.0, 3.0);
  for (std::int64_t p = 0; p < positions; ++p) {
    for (std::int64_t i = 0; i < rotary / 2; ++i) {
      const double a = angle(engine);
      table.set(p * rotary + i, static_cast<float>(std::cos(a)));
      table.set(p * rotary + rotary / 2 + i, static_cast<float>(std::sin(a)));
    }
  }
  return table;
}

/// How q and k lie: each for itself, in one [B, S, 3, H, d] or in one [B, S, H, 3, d].
enum class HeadLayout : std::uint8_t { apart, fused, fused_a_head };

struct HeadShape {
  std::int64_t samples, tokens, q_heads, k_heads, dim;  // no k_heads: no k
};

inline QueryKeyCase query_key_case(const HeadShape& s,
                                   ElementType type,
                                   ElementType weight_type,
                                   HeadLayout layout,
                                   std::int64_t rotary,
                                   const QueryKeyNorm& options,
                                   unsigned seed) {
  QueryKeyCase c{.options = options};
  const auto heads_of = [&](std::int64_t heads, unsigned s1) {
    std::vector<std::int64_t> strides;
    if (layout == HeadLayout::fused)
      strides = {s.tokens * 3 * heads * s.dim, 3 * heads * s.dim, s.dim, 1};
    if (layout == HeadLayout::fused_a_head)
      strides = {s.tokens * 3 * heads * s.dim, 3 * heads * s.dim, 3 * s.dim, 1};
    return Values::random(type, {s.samples, s.tokens, heads, s.dim}, s1, 2.0F, strides);
  };
  c.q = heads_of(s.q_heads, seed);
  if (s.k_heads > 0) c.k = heads_of(s.k_heads, seed + 1);
  const auto weight = [&](std::int64_t heads, unsigned s1) {
    return Values::random(weight_type, {options.whole_row ? heads * s.dim : s.dim}, s1);
  };
  if (options.normalize && seed % 5 != 0) {
    c.q_weight = weight(s.q_heads, seed + 2);
    if (s.k_heads > 0) c.k_weight = weight(s.k_heads, seed + 3);
  }
  if (rotary > 0) c.table = random_table(s.tokens + 3, rotary, seed + 4);
  return c;
}

inline std::vector<QueryKeyCase> query_key_cases() {
  std::vector<QueryKeyCase> cases;
  unsigned seed = 1;
  const HeadShape shapes[] = {{1, 1, 1, 0, 8},
                              {2, 3, 2, 2, 24},
                              {1, 17, 3, 3, 64},
                              {2, 9, 5, 2, 72},
                              {1, 33, 3, 1, 80},
                              {1, 5, 1, 1, 96},
                              {2, 10, 4, 4, 128},
                              {1, 7, 3, 3, 192},
                              {1, 3, 2, 2, 256},
                              {1, 20, 2, 1, 320},
                              {1, 2, 1, 1, 512},
                              {2, 9, 2, 2, 1024},
                              {1, 2, 40, 40, 128},
                              {1, 31, 2, 2, 32}};
  for (const ElementType type : kFloats) {
    for (const HeadShape& s : shapes) {
      for (const bool whole_row : {false, true}) {
        for (int turn = 0; turn < 4; ++turn) {  // none, neighbours, halves, rotation alone
          ++seed;
          QueryKeyNorm options{.q = {},
                               .k = {},
                               .normalize = turn < 3 || whole_row,
                               .whole_row = whole_row,
                               .weight_in_f32 = seed % 3 == 0,
                               .pairs = turn == 2 ? RotaryPairs::halves : RotaryPairs::interleaved,
                               .rounding = kRoundings[seed / 4 % 2]};
          if (seed % 4 == 1) {
            options.first_token = s.tokens / 3;
            options.tokens = s.tokens / 2;
          }
          const std::int64_t rotary[] = {0, s.dim, s.dim / 2 + s.dim / 2 % 2, s.dim / 8 * 6};
          QueryKeyCase c = query_key_case(s,
                                          type,
                                          seed % 2 == 0 ? type : ElementType::f32,
                                          static_cast<HeadLayout>(seed % 3),
                                          rotary[turn],
                                          options,
                                          seed * 10);
          if (turn > 0 && seed % 7 < 3)
            for (std::int64_t t = 0; t < s.tokens; ++t)  // some outside the table
              c.positions.push_back(static_cast<std::int32_t>((t * 5 + 1) % (s.tokens + 5)) - 1);
          cases.push_back(std::move(c));
        }
      }
    }
  }
  return cases;
}

}  // namespace sinter::fused::test
