#include "texture/unwrap/stamp.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace sinter::texture {
namespace {

/// A bitmap with its lowest cell at (-reach, -reach).
class CellMap {
 public:
  CellMap(std::int32_t width, std::int32_t height, std::int32_t reach)
      : width_(width + 2 * reach), height_(height + 2 * reach), reach_(reach) {
    cells_.assign(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_), 0);
  }

  /// Clipped to the map.
  void fill(std::int32_t x0, std::int32_t x1, std::int32_t y0, std::int32_t y1) {
    x0 = std::max(x0 + reach_, 0);
    y0 = std::max(y0 + reach_, 0);
    x1 = std::min(x1 + reach_, width_ - 1);
    y1 = std::min(y1 + reach_, height_ - 1);
    for (std::int32_t y = y0; y <= y1; ++y) {
      for (std::int32_t x = x0; x <= x1; ++x) cells_[at(x, y)] = 1;
    }
  }

  std::vector<CellSpan> spans() const {
    std::vector<CellSpan> spans;
    for (std::int32_t y = 0; y < height_; ++y) {
      for (std::int32_t x = 0; x < width_;) {
        if (!cells_[at(x, y)]) {
          ++x;
          continue;
        }
        const std::int32_t begin = x;
        while (x < width_ && cells_[at(x, y)]) ++x;
        spans.push_back({y - reach_, begin - reach_, x - reach_});
      }
    }
    return spans;
  }

 private:
  std::size_t at(std::int32_t x, std::int32_t y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
           static_cast<std::size_t>(x);
  }

  std::int32_t width_, height_, reach_;
  std::vector<std::uint8_t> cells_;
};

std::int32_t floor_div(std::int32_t a, std::int32_t b) {
  return a >= 0 ? a / b : -((b - 1 - a) / b);
}

/// Calls visit(x0, x1, y) for the texels x0 .. x1 of every row y that the segment touches.
template <class Visit>
void visit_texels(Vec2 a, Vec2 b, Visit&& visit) {
  if (a.y > b.y) std::swap(a, b);
  const auto texel = [](double value) { return static_cast<std::int32_t>(std::floor(value)); };
  // a hair wider than the line, so that rounding never drops a texel
  constexpr double kHair = 1e-6;
  const double slope = b.y > a.y ? (b.x - a.x) / (b.y - a.y) : 0;
  const double left = std::min(a.x, b.x), right = std::max(a.x, b.x);
  const std::int32_t y1 = texel(b.y + kHair);
  for (std::int32_t y = texel(a.y - kHair); y <= y1; ++y) {
    double x0 = left, x1 = right;
    if (slope != 0) {
      const double p = a.x + slope * (y - a.y), q = p + slope;
      x0 = std::clamp(std::min(p, q), left, right);
      x1 = std::clamp(std::max(p, q), left, right);
    }
    visit(texel(x0 - kHair), texel(x1 + kHair), y);
  }
}

/// Cells whose middle lies inside the border, by parity.
void fill_inside(std::span<const std::array<Vec2, 2>> sides,
                 double scale,
                 const StampOptions& options,
                 std::int32_t height,
                 CellMap& map,
                 std::int32_t grow) {
  std::vector<std::pair<std::int32_t, double>> crossings;  // row, x, in cells
  const double to_cells = scale / options.cell;
  for (const auto& [a, b] : sides) {
    const double ay = to_cells * a.y - 0.5, by = to_cells * b.y - 0.5;
    const auto first = static_cast<std::int32_t>(std::ceil(std::min(ay, by)));
    const auto last = static_cast<std::int32_t>(std::ceil(std::max(ay, by))) - 1;
    for (std::int32_t y = std::max(first, 0); y <= std::min(last, height - 1); ++y) {
      crossings.emplace_back(y, to_cells * (a.x + (y - ay) / (by - ay) * (b.x - a.x)));
    }
  }
  std::sort(crossings.begin(), crossings.end());
  for (std::size_t i = 0; i + 1 < crossings.size(); i += 2) {
    const auto [y, x0] = crossings[i];
    const auto [y1, x1] = crossings[i + 1];
    if (y != y1) continue;
    const auto begin = static_cast<std::int32_t>(std::ceil(x0 - 0.5));
    const auto end = static_cast<std::int32_t>(std::ceil(x1 - 0.5));
    if (begin < end) map.fill(begin - grow, end - 1 + grow, y - grow, y + grow);
  }
}

}  // namespace

Stamp make_stamp(const Outline& outline, const StampOptions& options) {
  const double scale = options.texels_per_unit;
  const auto cells = [&](double size) {
    return static_cast<std::int32_t>(std::floor(scale * size + 1e-5)) / options.cell + 1;
  };
  Stamp stamp;
  stamp.width = cells(outline.size.x);
  stamp.height = cells(outline.size.y);
  const std::int32_t reach = (options.gutter + options.cell - 1) / options.cell;
  CellMap body(stamp.width, stamp.height, 0), halo(stamp.width, stamp.height, reach);
  const std::int32_t c = options.cell, g = options.gutter;
  for (const auto& [a, b] : outline.sides) {
    visit_texels(scale * a, scale * b, [&](std::int32_t x0, std::int32_t x1, std::int32_t y) {
      body.fill(floor_div(x0, c), floor_div(x1, c), floor_div(y, c), floor_div(y, c));
      halo.fill(
          floor_div(x0 - g, c), floor_div(x1 + g, c), floor_div(y - g, c), floor_div(y + g, c));
    });
  }
  fill_inside(outline.sides, scale, options, stamp.height, body, 0);
  fill_inside(outline.sides, scale, options, stamp.height, halo, 0);
  stamp.body = body.spans();
  stamp.halo = halo.spans();
  return stamp;
}

Stamp quarter_turn(const Stamp& stamp) {
  const auto turn = [&](const std::vector<CellSpan>& spans) {
    std::int32_t left = 0, right = 0;
    for (const CellSpan& s : spans) {
      left = std::min(left, s.begin);
      right = std::max(right, s.end);
    }
    // columns become rows; from the last old row to the first, their cells come in order
    std::vector<std::vector<CellSpan>> rows(static_cast<std::size_t>(right - left));
    for (auto s = spans.rbegin(); s != spans.rend(); ++s) {
      const std::int32_t cell = stamp.height - 1 - s->y;
      for (std::int32_t x = s->begin; x < s->end; ++x) {
        auto& row = rows[static_cast<std::size_t>(x - left)];
        if (!row.empty() && row.back().end == cell) {
          ++row.back().end;
        } else {
          row.push_back({x, cell, cell + 1});
        }
      }
    }
    std::vector<CellSpan> turned;
    for (const auto& row : rows) turned.insert(turned.end(), row.begin(), row.end());
    return turned;
  };
  return {stamp.height, stamp.width, turn(stamp.body), turn(stamp.halo)};
}

}  // namespace sinter::texture
