#pragma once
// What both sides of GatedAdd are tested on: every form of the gate, the types, gaps between rows.

#include "ops/fused/arrays.h"

namespace sinter::fused::test {

/// A modulating vector's element for element i of x [B, S, D], by NumPy's rules and those of
/// frames.
inline std::int64_t modulation_index(const std::vector<std::int64_t>& vector,
                                     const std::vector<std::int64_t>& x,
                                     std::int64_t i) {
  const std::vector<std::int64_t>& v = vector;
  if (v.size() == 1 && v[0] == 1) return 0;
  const std::int64_t tokens = x[1], columns = x[2];
  const std::int64_t d = i % columns, s = i / columns % tokens, b = i / columns / tokens;
  if (v.size() == 1) return d;
  if (v.size() == 2) return (v[0] == 1 ? 0 : b) * columns + d;
  const std::int64_t row = v.size() == 4 ? s / (tokens / v[1]) : v[1] == 1 ? 0 : s;
  return ((v[0] == 1 ? 0 : b) * v[1] + row) * columns + d;
}

struct GatedAddCase {
  Values x, residual, gate, y;
  Rounding rounding = Rounding::exact;
  GatedAdd op() {
    return {.x = x.array(),
            .residual = residual.array(),
            .gate = gate.array(),
            .y = y.array(),
            .rounding = rounding};
  }
  std::int64_t gate_of(std::int64_t i) const { return modulation_index(gate.shape, x.shape, i); }
};

inline std::vector<GatedAddCase> gated_add_cases() {
  std::vector<GatedAddCase> cases;
  unsigned seed = 1;
  struct Layout {
    std::int64_t columns, gap, offset;
  };
  for (const ElementType type : kFloats) {
    for (const ElementType gate_type : kFloats) {
      for (const Layout& l : {Layout{24, 0, 24}, {40, 8, 8}, {40, 3, 1}, {13, 0, 24}, {1, 2, 0}}) {
        const std::int64_t batch = 2, tokens = 6, d = l.columns, row = d + l.gap;
        const std::vector<std::int64_t> shape = {batch, tokens, d};
        const std::vector<std::int64_t> strides = {row * tokens + 16, row, 1};
        for (const std::vector<std::int64_t>& gate : {std::vector<std::int64_t>{1},
                                                      {d},
                                                      {1, d},
                                                      {batch, d},
                                                      {batch, 1, d},
                                                      {1, tokens, d},
                                                      {batch, tokens, d},
                                                      {batch, 3, 1, d},
                                                      {1, 3, 1, d}}) {
          const auto some = [&](float deviation) {
            return Values::random(type, shape, ++seed, deviation, strides, l.offset);
          };
          cases.push_back({.x = some(2.0F),
                           .residual = some(1.0F),
                           .gate = Values::random(gate_type, gate, ++seed),
                           .y = Values(type, shape, strides, l.offset),
                           .rounding = kRoundings[seed % 2]});
        }
      }
    }
  }
  return cases;
}

}  // namespace sinter::fused::test
