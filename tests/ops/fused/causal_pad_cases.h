#pragma once
// What both sides of CausalPad are tested on.

#include "ops/fused/arrays.h"

namespace sinter::fused::test {

struct CausalPadCase {
  Values x, cache{}, y{};
  CausalPad options{};
  CausalPad op() {
    CausalPad made = options;
    made.x = x.array();
    made.y = y.array();
    if (!cache.shape.empty()) made.cache = cache.array();
    return made;
  }
};

inline std::vector<CausalPadCase> causal_pad_cases() {
  std::vector<CausalPadCase> cases;
  unsigned seed = 1;
  struct Shape {
    std::int64_t x[5], cached, front, rows, columns;
  };
  for (const ElementType type : kFloats) {
    for (const Shape& s : {Shape{{2, 3, 4, 5, 6}, 2, 2, 1, 1},
                           Shape{{1, 2, 3, 6, 40}, 1, 2, 1, 1},
                           Shape{{1, 2, 2, 7, 33}, 0, 2, 2, 3},
                           Shape{{1, 1, 1, 3, 64}, 2, 2, 0, 0},
                           Shape{{1, 3, 2, 4, 1}, 3, 5, 0, 1},
                           Shape{{1, 2, 5, 2, 24}, 0, 0, 0, 8},
                           // Frames of several blocks, at every alignment of 16 bytes.
                           Shape{{1, 3, 2, 97, 129}, 2, 2, 1, 1},
                           Shape{{2, 1, 3, 131, 96}, 1, 3, 2, 4},
                           Shape{{1, 2, 1, 515, 7}, 0, 1, 0, 0},
                           Shape{{1, 1, 1, 1, 1}, 0, 0, 0, 0}}) {
      const auto [n, c, t, h, w] = s.x;
      CausalPadCase made{.x = Values::random(type, {n, c, t, h, w}, ++seed),
                         .y = Values(type, {n, c, s.front + t, h + 2 * s.rows, w + 2 * s.columns})};
      if (s.cached > 0) made.cache = Values::random(type, {n, c, s.cached, h, w}, ++seed);
      made.options.front = s.front;
      made.options.rows = s.rows;
      made.options.columns = s.columns;
      cases.push_back(std::move(made));
    }
  }
  return cases;
}

/// Element by element: what stands `front` frames, `rows` and `columns` before.
inline void expect_padded(const CausalPadCase& c, const Values& y) {
  ASSERT_TRUE(y.intact());
  const std::vector<std::int64_t>&x = c.x.shape, &s = y.shape;
  const std::int64_t cached = c.cache.shape.empty() ? 0 : c.cache.shape[2];
  for (std::int64_t i = 0; i < y.count(); ++i) {
    const std::int64_t w = i % s[4] - c.options.columns, h = i / s[4] % s[3] - c.options.rows;
    const std::int64_t f = i / s[4] / s[3] % s[2] - c.options.front;
    const std::int64_t plane = i / s[4] / s[3] / s[2];
    double wanted = 0.0;
    if (w >= 0 && w < x[4] && h >= 0 && h < x[3]) {
      if (f >= 0) {
        wanted = c.x.at(((plane * x[2] + f) * x[3] + h) * x[4] + w);
      } else if (f + cached >= 0) {
        wanted = c.cache.at(((plane * cached + f + cached) * x[3] + h) * x[4] + w);
      }
    }
    ASSERT_EQ(y.at(i), wanted) << to_string(y.type) << " element " << i;
  }
}

}  // namespace sinter::fused::test
