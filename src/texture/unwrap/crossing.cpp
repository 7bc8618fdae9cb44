#include "texture/unwrap/crossing.h"

#include <algorithm>
#include <cmath>

namespace sinter::texture {
namespace {

struct Segment {
  Vec2 a, b;
  std::int32_t from, to;
};

/// Neither has both ends on one side of the other, by more than rounding. Segments that only touch
/// count: a border that runs along itself encloses an overlap as much as one that crosses itself.
bool meet(const Segment& s, const Segment& t) {
  if (s.from == t.from || s.from == t.to || s.to == t.from || s.to == t.to) return false;
  if (std::max(s.a.x, s.b.x) < std::min(t.a.x, t.b.x) ||
      std::max(t.a.x, t.b.x) < std::min(s.a.x, s.b.x) ||
      std::max(s.a.y, s.b.y) < std::min(t.a.y, t.b.y) ||
      std::max(t.a.y, t.b.y) < std::min(s.a.y, s.b.y)) {
    return false;
  }
  const Vec2 d = s.b - s.a, e = t.b - t.a;
  const double tolerance = 1e-9 * (dot(d, d) + dot(e, e));
  const auto same_side = [&](double p, double q) {
    return (p > tolerance && q > tolerance) || (p < -tolerance && q < -tolerance);
  };
  return !same_side(cross(d, t.a - s.a), cross(d, t.b - s.a)) &&
         !same_side(cross(e, s.a - t.a), cross(e, s.b - t.a));
}

/// A square grid over the segments, about four cells a segment; every segment is listed in all
/// cells that it meets, and some beside them.
class Grid {
 public:
  explicit Grid(std::span<const Segment> segments) {
    low_ = segments[0].a;
    Vec2 high = low_;
    for (const Segment& s : segments) {
      low_ = {std::min({low_.x, s.a.x, s.b.x}), std::min({low_.y, s.a.y, s.b.y})};
      high = {std::max({high.x, s.a.x, s.b.x}), std::max({high.y, s.a.y, s.b.y})};
    }
    const double extent = std::max(high.x - low_.x, high.y - low_.y);
    side_ =
        std::clamp(static_cast<int>(2 * std::sqrt(static_cast<double>(segments.size()))), 1, 2048);
    scale_ = extent > 0 ? side_ / extent : 0;
    start_.assign(static_cast<std::size_t>(side_) * static_cast<std::size_t>(side_) + 1, 0);
    for (const Segment& s : segments) {
      for_cells(s, [&](std::size_t cell) { ++start_[cell + 1]; });
    }
    for (std::size_t c = 1; c < start_.size(); ++c) start_[c] += start_[c - 1];
    items_.resize(start_.back());
    std::vector<std::uint32_t> cursor(start_.begin(), start_.end() - 1);
    for (std::size_t i = 0; i < segments.size(); ++i) {
      for_cells(segments[i],
                [&](std::size_t cell) { items_[cursor[cell]++] = static_cast<std::uint32_t>(i); });
    }
  }

  template <class Visit>  // for every list of segments that share a cell
  void for_lists(Visit&& visit) const {
    for (std::size_t c = 0; c + 1 < start_.size(); ++c) {
      visit(std::span(items_.data() + start_[c], start_[c + 1] - start_[c]));
    }
  }

 private:
  template <class Visit>
  void for_cells(const Segment& s, Visit&& visit) const {
    const Vec2 a = scale_ * (s.a - low_), b = scale_ * (s.b - low_);
    const auto cell = [&](double value) {
      return std::clamp(static_cast<int>(std::floor(value)), 0, side_ - 1);
    };
    const double slope = a.y != b.y ? (b.x - a.x) / (b.y - a.y) : 0;
    const int y0 = cell(std::min(a.y, b.y)), y1 = cell(std::max(a.y, b.y));
    for (int y = y0; y <= y1; ++y) {
      // where the segment enters and leaves this row, a little widened
      double left = std::min(a.x, b.x), right = std::max(a.x, b.x);
      if (slope != 0) {
        const double p = a.x + slope * (y - a.y), q = p + slope;
        left = std::max(left, std::min(p, q));
        right = std::min(right, std::max(p, q));
      }
      const int x1 = cell(right + 1e-6);
      for (int x = cell(left - 1e-6); x <= x1; ++x) {
        visit(static_cast<std::size_t>(y) * static_cast<std::size_t>(side_) +
              static_cast<std::size_t>(x));
      }
    }
  }

  Vec2 low_;
  double scale_ = 0;
  int side_ = 1;
  std::vector<std::uint32_t> start_, items_;
};

}  // namespace

std::vector<std::array<std::uint32_t, 2>> find_crossings(
    std::span<const Vec2> points,
    std::span<const std::array<std::int32_t, 2>> segments,
    std::size_t limit) {
  std::vector<std::array<std::uint32_t, 2>> found;
  if (segments.size() < 2) return found;
  std::vector<Segment> placed;
  placed.reserve(segments.size());
  for (const auto& [from, to] : segments) {
    placed.push_back(
        {points[static_cast<std::size_t>(from)], points[static_cast<std::size_t>(to)], from, to});
  }
  Grid(placed).for_lists([&](std::span<const std::uint32_t> list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      for (std::size_t j = i + 1; j < list.size() && found.size() < limit; ++j) {
        if (meet(placed[list[i]], placed[list[j]])) found.push_back({list[i], list[j]});
      }
    }
  });
  return found;
}

}  // namespace sinter::texture
