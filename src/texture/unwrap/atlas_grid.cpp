#include "texture/unwrap/atlas_grid.h"

// Sixty-four columns are tested at once, span by span, until all are ruled out. What ruled one
// place out mostly rules out the next: that span is tried first there.

#include <algorithm>
#include <bit>

namespace sinter::texture {
namespace {

constexpr std::int32_t kWordBits = 64;

/// The 64 bits from `shift` of the first word on; reads one word more.
std::uint64_t bits_from(const std::uint64_t* words, int shift) {
  return (words[0] >> shift) | (words[1] << 1 << (kWordBits - 1 - shift));
}

/// Of a span of the halo: two runs of 2^k cells that cover it, as places in the grid's words for a
/// stamp at (0, 0).
struct Test {
  std::size_t first, second;
  int first_shift, second_shift;
};

}  // namespace

AtlasGrid::AtlasGrid(std::int32_t side, std::int32_t reach)
    : side_(side), reach_(reach), rows_(side + 2 * reach) {
  // a span can start at the last column; the words behind it are read, and are empty
  row_words_ = 2 * ((side + 2 * reach) / kWordBits + 1) + 1;
  levels_ = std::bit_width(static_cast<std::uint32_t>(side + 2 * reach));
  bits_.assign(row_start(levels_, 0), 0);
}

void AtlasGrid::widen(std::int32_t y, std::int32_t begin, std::int32_t end) {
  for (int level = 1; level < levels_; ++level) {
    const Word* const from = bits_.data() + row_start(level - 1, y);
    Word* const to = bits_.data() + row_start(level, y);
    const std::int32_t shift = std::int32_t{1} << (level - 1);
    const Word* const shifted = from + shift / kWordBits;
    const std::int32_t first = std::max(0, begin + 1 - 2 * shift) / kWordBits;
    for (std::int32_t w = first; w <= (end - 1) / kWordBits; ++w) {
      to[w] = from[w] | bits_from(shifted + w, shift % kWordBits);
    }
  }
}

void AtlasGrid::place(const Stamp& stamp, Cell at) {
  const std::int32_t shift = at.x + reach_;
  for (auto s = stamp.body.begin(); s != stamp.body.end();) {
    const auto row = s;
    const std::int32_t y = row->y + at.y + reach_;
    Word* const bits = bits_.data() + row_start(0, y);
    for (; s != stamp.body.end() && s->y == row->y; ++s) {
      const std::int32_t x0 = s->begin + shift, x1 = s->end - 1 + shift;
      for (std::int32_t w = x0 / kWordBits; w <= x1 / kWordBits; ++w) {
        Word run = ~Word{0};
        if (w == x0 / kWordBits) run &= ~Word{0} << (x0 % kWordBits);
        if (w == x1 / kWordBits) run &= ~Word{0} >> (kWordBits - 1 - x1 % kWordBits);
        bits[w] |= run;
      }
    }
    widen(y, row->begin + shift, (s - 1)->end + shift);
  }
}

std::optional<Cell> AtlasGrid::find(const Stamp& stamp,
                                    std::int32_t first_row,
                                    std::int32_t top) const {
  const std::int32_t columns = side_ - stamp.width + 1;
  const std::int32_t rows = std::min(side_, top - 1) - stamp.height + 1;
  if (columns <= 0 || first_row >= rows) return std::nullopt;
  std::vector<Test> tests;
  tests.reserve(stamp.halo.size());
  for (const CellSpan& s : stamp.halo) {
    const std::int32_t width = s.end - s.begin;
    const int level = std::bit_width(static_cast<std::uint32_t>(width)) - 1;
    const std::int32_t a = s.begin + reach_, b = s.end + reach_ - (std::int32_t{1} << level);
    const std::size_t row = row_start(level, s.y + reach_);
    tests.push_back({row + static_cast<std::size_t>(a / kWordBits),
                     row + static_cast<std::size_t>(b / kWordBits),
                     a % kWordBits,
                     b % kWordBits});
  }
  const std::int32_t words = (columns + kWordBits - 1) / kWordBits;
  const Word beyond = columns % kWordBits == 0 ? 0 : ~Word{0} << (columns % kWordBits);
  for (std::int32_t y = first_row; y < rows; ++y) {
    for (std::int32_t w = 0; w < words; ++w) {
      const Word* const here = bits_.data() + row_start(0, y) + w;
      Word blocked = w + 1 == words ? beyond : 0;
      std::size_t i = 0;
      for (; i < tests.size() && blocked != ~Word{0}; ++i) {
        const Test& t = tests[i];
        blocked |=
            bits_from(here + t.first, t.first_shift) | bits_from(here + t.second, t.second_shift);
      }
      if (blocked != ~Word{0}) return Cell{w * kWordBits + std::countr_zero(~blocked), y};
      // halfway to the front: one place that is different does not upset the order
      if (i > 1) std::swap(tests[i - 1], tests[(i - 1) / 2]);
    }
  }
  return std::nullopt;
}

}  // namespace sinter::texture
