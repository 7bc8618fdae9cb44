#include "texture/unwrap/atlas_grid.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace sinter::texture {
namespace {

constexpr std::int32_t kWordBits = 64;

/// dst |= src >> shift, over `words` words; reads one word more.
void or_shifted(std::uint64_t* dst,
                const std::uint64_t* src,
                std::int32_t shift,
                std::int32_t words) {
  src += shift / kWordBits;
  const int low = shift % kWordBits;
  if (low == 0) {
    for (std::int32_t w = 0; w < words; ++w) dst[w] |= src[w];
  } else {
    for (std::int32_t w = 0; w < words; ++w) {
      dst[w] |= (src[w] >> low) | (src[w + 1] << (kWordBits - low));
    }
  }
}

}  // namespace

AtlasGrid::AtlasGrid(std::int32_t side, std::int32_t reach)
    : side_(side), reach_(reach), rows_(side + 2 * reach) {
  // a span can start at the last column; the words behind it are read, and are empty
  row_words_ = 2 * ((side + 2 * reach) / kWordBits + 1) + 1;
  levels_ = std::bit_width(static_cast<std::uint32_t>(side + 2 * reach));
  bits_.assign(static_cast<std::size_t>(levels_) * static_cast<std::size_t>(rows_) *
                   static_cast<std::size_t>(row_words_),
               0);
  used_.assign(static_cast<std::size_t>(rows_), 0);
}

void AtlasGrid::widen(std::int32_t y) {
  const std::int32_t words = (side_ + 2 * reach_) / kWordBits + 1;
  for (int level = 1; level < levels_; ++level) {
    const Word* const from = row(level - 1, y);
    Word* const to = row(level, y);
    std::copy_n(from, words, to);
    or_shifted(to, from, std::int32_t{1} << (level - 1), words);
  }
}

void AtlasGrid::place(const Stamp& stamp, Cell at) {
  for (std::size_t i = 0; i < stamp.body.size(); ++i) {
    const CellSpan& s = stamp.body[i];
    const std::int32_t y = s.y + at.y + reach_;
    Word* const bits = row(0, y);
    for (std::int32_t x = s.begin + at.x + reach_; x < s.end + at.x + reach_; ++x) {
      bits[x / kWordBits] |= Word{1} << (x % kWordBits);
    }
    used_[static_cast<std::size_t>(y)] = 1;
    if (i + 1 == stamp.body.size() || stamp.body[i + 1].y != s.y) widen(y);
  }
}

std::optional<Cell> AtlasGrid::find(const Stamp& stamp,
                                    std::int32_t first_row,
                                    std::int32_t top) const {
  const std::int32_t columns = side_ - stamp.width + 1;
  const std::int32_t rows = std::min(side_, top - 1) - stamp.height + 1;
  if (columns <= 0) return std::nullopt;
  // wide spans first: they soonest rule a row out
  std::vector<CellSpan> spans = stamp.halo;
  std::stable_sort(spans.begin(), spans.end(), [](const CellSpan& a, const CellSpan& b) {
    return a.end - a.begin > b.end - b.begin;
  });
  const std::int32_t words = (columns + kWordBits - 1) / kWordBits;
  const Word beyond = columns % kWordBits == 0 ? 0 : ~Word{0} << (columns % kWordBits);
  std::vector<Word> blocked(static_cast<std::size_t>(words));
  for (std::int32_t y = first_row; y < rows; ++y) {
    std::fill(blocked.begin(), blocked.end(), 0);
    blocked.back() = beyond;
    bool full = false;
    int until_check = 1;
    for (const CellSpan& s : spans) {
      const std::int32_t r = y + s.y + reach_;
      if (!used_[static_cast<std::size_t>(r)]) continue;
      const std::int32_t width = s.end - s.begin;
      const int level = std::bit_width(static_cast<std::uint32_t>(width)) - 1;
      const std::int32_t first = s.begin + reach_;
      or_shifted(blocked.data(), row(level, r), first, words);
      if (width > std::int32_t{1} << level) {
        or_shifted(
            blocked.data(), row(level, r), first + width - (std::int32_t{1} << level), words);
      }
      if (--until_check == 0) {
        full = std::all_of(blocked.begin(), blocked.end(), [](Word w) { return w == ~Word{0}; });
        if (full) break;
        until_check = 2;
      }
    }
    if (full) continue;
    for (std::int32_t w = 0; w < words; ++w) {
      const Word open = ~blocked[static_cast<std::size_t>(w)];
      if (open != 0) return Cell{w * kWordBits + std::countr_zero(open), y};
    }
  }
  return std::nullopt;
}

}  // namespace sinter::texture
