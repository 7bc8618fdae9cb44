#pragma once
// What both sides of GatedAdd are tested on: every form of the gate, the types, gaps between rows.

#include "ops/fused/arrays.h"

namespace sinter::fused::test {

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
  /// The gate's element for element i of x [B, S, D], by NumPy's rules and those of frames.
  std::int64_t gate_of(std::int64_t i, std::int64_t columns) const {
    const std::vector<std::int64_t>& g = gate.shape;
    if (g.size() == 1 && g[0] == 1) return 0;
    const std::int64_t tokens = x.shape[1];
    const std::int64_t d = i % columns, s = i / columns % tokens, b = i / columns / tokens;
    if (g.size() == 1) return d;
    if (g.size() == 2) return (g[0] == 1 ? 0 : b) * columns + d;
    const bool frames = g.size() == 4;
    const std::int64_t per_sample = g[1];
    const std::int64_t row = frames ? s / (tokens / g[1]) : g[1] == 1 ? 0 : s;
    return ((g[0] == 1 ? 0 : b) * per_sample + row) * columns + d;
  }
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
