#include "texture/unwrap/stamp.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace sinter::texture {
namespace {

using Word = std::uint64_t;
constexpr std::int32_t kWordBits = 64;

/// A bitmap with its lowest cell at (-reach, -reach).
class CellMap {
 public:
  CellMap(CellBox box, std::int32_t reach)
      : width_(box.width + 2 * reach),
        height_(box.height + 2 * reach),
        reach_(reach),
        words_(width_ / kWordBits + 1) {
    bits_.assign(static_cast<std::size_t>(words_) * static_cast<std::size_t>(height_), 0);
  }

  /// Cells x0 .. x1 of rows y0 .. y1, clipped to the map.
  void fill(std::int32_t x0, std::int32_t x1, std::int32_t y0, std::int32_t y1) {
    x0 = std::max(x0 + reach_, 0);
    y0 = std::max(y0 + reach_, 0);
    x1 = std::min(x1 + reach_, width_ - 1);
    y1 = std::min(y1 + reach_, height_ - 1);
    if (x0 > x1) return;
    const std::int32_t w0 = x0 / kWordBits, w1 = x1 / kWordBits;
    const Word first = ~Word{0} << (x0 % kWordBits);
    const Word last = ~Word{0} >> (kWordBits - 1 - x1 % kWordBits);
    for (std::int32_t y = y0; y <= y1; ++y) {
      Word* const bits = row(y);
      if (w0 == w1) {
        bits[w0] |= first & last;
        continue;
      }
      bits[w0] |= first;
      for (std::int32_t w = w0 + 1; w < w1; ++w) bits[w] = ~Word{0};
      bits[w1] |= last;
    }
  }

  /// Turns over all cells of row y from x on; done by finish_toggles().
  void toggle_from(std::int32_t x, std::int32_t y) {
    x = std::max(x + reach_, 0);
    if (x < width_) row(y + reach_)[x / kWordBits] ^= Word{1} << (x % kWordBits);
  }
  void finish_toggles() {
    for (std::int32_t y = 0; y < height_; ++y) {
      Word carry = 0;
      Word* const bits = row(y);
      for (std::int32_t w = 0; w < words_; ++w) {
        Word value = bits[w];
        for (int shift = 1; shift < kWordBits; shift *= 2) value ^= value << shift;
        bits[w] = value ^ carry;
        carry = (bits[w] >> (kWordBits - 1)) != 0 ? ~Word{0} : 0;
      }
    }
  }

  std::vector<CellSpan> spans() const {
    std::vector<CellSpan> spans;
    for (std::int32_t y = 0; y < height_; ++y) {
      for (std::int32_t x = next(y, 0, 0); x < width_;) {
        const std::int32_t end = next(y, x, ~Word{0});
        spans.push_back({y - reach_, x - reach_, end - reach_});
        x = next(y, end, 0);
      }
    }
    return spans;
  }

 private:
  Word* row(std::int32_t y) {
    return bits_.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(words_);
  }
  /// The first cell from x on whose bit differs from `other`, or the width.
  std::int32_t next(std::int32_t y, std::int32_t x, Word other) const {
    const Word* const bits =
        bits_.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(words_);
    for (std::int32_t w = x / kWordBits; w < words_; ++w) {
      Word value = bits[w] ^ other;
      if (w == x / kWordBits) value &= ~Word{0} << (x % kWordBits);
      if (value != 0) return std::min(width_, w * kWordBits + std::countr_zero(value));
    }
    return width_;
  }

  std::int32_t width_, height_, reach_, words_;
  std::vector<Word> bits_;
};

/// Texels to cells, rounded down.
class CellOf {
 public:
  explicit CellOf(std::int32_t cell)
      : cell_(cell),
        shift_(std::has_single_bit(static_cast<std::uint32_t>(cell))
                   ? std::countr_zero(static_cast<std::uint32_t>(cell))
                   : -1) {}
  std::int32_t operator()(std::int32_t texel) const {
    if (shift_ >= 0) return texel >> shift_;
    return texel >= 0 ? texel / cell_ : -((cell_ - 1 - texel) / cell_);
  }

 private:
  std::int32_t cell_;
  int shift_;  ///< of a power of two, else -1
};

/// Texels x0 .. x1 of rows y0 .. y1.
struct TexelBox {
  std::int32_t x0, x1, y0, y1;
};

/// Calls visit() for the box around the texels that the segment touches in every row of cells.
template <class Visit>
void visit_rows(Vec2 a, Vec2 b, int cell, Visit&& visit) {
  if (a.y > b.y) std::swap(a, b);
  const auto texel = [](double value) { return static_cast<std::int32_t>(std::floor(value)); };
  // a hair wider than the line, so that rounding never drops a texel
  constexpr double kHair = 1e-6;
  const double slope = b.y > a.y ? (b.x - a.x) / (b.y - a.y) : 0;
  const double left = std::min(a.x, b.x), right = std::max(a.x, b.x);
  const std::int32_t first = texel(a.y - kHair), last = texel(b.y + kHair);
  const CellOf cell_of(cell);
  const std::int32_t end = cell_of(last);
  for (std::int32_t y = cell_of(first); y <= end; ++y) {
    const std::int32_t y0 = y * cell, y1 = y0 + cell - 1;
    double x0 = left, x1 = right;
    if (slope != 0) {
      const double p = a.x + slope * (y0 - a.y), q = p + slope * cell;
      x0 = std::clamp(std::min(p, q), left, right);
      x1 = std::clamp(std::max(p, q), left, right);
    }
    visit(TexelBox{texel(x0 - kHair), texel(x1 + kHair), std::max(y0, first), std::min(y1, last)});
  }
}

/// Where a side of the border, in cells, crosses the middle of a row: cells with their middle
/// further right change between outside and inside.
void mark_crossings(Vec2 a, Vec2 b, std::int32_t height, CellMap& map) {
  const double ay = a.y - 0.5, by = b.y - 0.5;
  const auto first = static_cast<std::int32_t>(std::ceil(std::min(ay, by)));
  const auto last = static_cast<std::int32_t>(std::ceil(std::max(ay, by))) - 1;
  if (first > last) return;
  const double slope = (b.x - a.x) / (by - ay);
  for (std::int32_t y = std::max(first, 0); y <= std::min(last, height - 1); ++y) {
    const double x = a.x + slope * (y - ay);
    map.toggle_from(static_cast<std::int32_t>(std::ceil(x - 0.5)), y);
  }
}

/// Wide spans soonest rule a place out.
void widest_first(std::vector<CellSpan>& spans) {
  std::stable_sort(spans.begin(), spans.end(), [](const CellSpan& a, const CellSpan& b) {
    return a.end - a.begin > b.end - b.begin;
  });
}

}  // namespace

CellBox cell_box(const Outline& outline, const StampOptions& options) {
  const auto cells = [&](double size) {
    const double texels = std::floor(options.texels_per_unit * size + 1e-5);
    return static_cast<std::int32_t>(texels) / options.cell + 1;
  };
  return {cells(outline.size.x), cells(outline.size.y)};
}

Stamp make_stamp(const Outline& outline, const StampOptions& options, int quarters) {
  const std::int32_t c = options.cell, g = options.gutter;
  const CellBox upright = cell_box(outline, options);
  const auto turned = [&](Vec2 p) {
    p = options.texels_per_unit * p;
    double w = upright.width * c, h = upright.height * c;
    for (int q = 0; q < quarters; ++q) {
      p = {h - p.y, p.x};
      std::swap(w, h);
    }
    return p;
  };
  CellBox box = upright;
  if (quarters % 2 == 1) std::swap(box.width, box.height);
  const CellOf cell_of(c);
  CellMap inside(box, 0), body(box, 0), halo(box, (g + c - 1) / c);
  for (const auto& [from, to] : outline.sides) {
    const Vec2 a = turned(from), b = turned(to);
    visit_rows(a, b, c, [&](const TexelBox& t) {
      const std::int32_t row = cell_of(t.y0);
      body.fill(cell_of(t.x0), cell_of(t.x1), row, row);
      halo.fill(cell_of(t.x0 - g), cell_of(t.x1 + g), cell_of(t.y0 - g), cell_of(t.y1 + g));
    });
    mark_crossings(1.0 / c * a, 1.0 / c * b, box.height, inside);
  }
  inside.finish_toggles();
  for (const CellSpan& s : inside.spans()) {
    body.fill(s.begin, s.end - 1, s.y, s.y);
    halo.fill(s.begin, s.end - 1, s.y, s.y);
  }
  Stamp stamp{box.width, box.height, body.spans(), halo.spans()};
  widest_first(stamp.halo);
  return stamp;
}

Stamp half_turn(const Stamp& stamp) {
  Stamp turned{stamp.width, stamp.height, {}, {}};
  const auto turn = [&](const CellSpan& s) {
    return CellSpan{stamp.height - 1 - s.y, stamp.width - s.end, stamp.width - s.begin};
  };
  for (auto s = stamp.body.rbegin(); s != stamp.body.rend(); ++s) turned.body.push_back(turn(*s));
  for (const CellSpan& s : stamp.halo) turned.halo.push_back(turn(s));
  return turned;
}

Stamp box_stamp(CellBox box, std::int32_t reach) {
  Stamp stamp{box.width, box.height, {}, {}};
  for (std::int32_t y = 0; y < box.height; ++y) stamp.body.push_back({y, 0, box.width});
  for (std::int32_t y = -reach; y < box.height + reach; ++y) {
    stamp.halo.push_back({y, -reach, box.width + reach});
  }
  return stamp;
}

}  // namespace sinter::texture
