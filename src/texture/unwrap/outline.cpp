#include "texture/unwrap/outline.h"

// The convex hull is Andrew's monotone chain ("Another efficient algorithm for convex hulls in two
// dimensions", 1979); one side of the box of least area lies on a side of the hull (Freeman,
// Shapira, "Determining the minimum-area encasing rectangle for an arbitrary closed curve", 1975).

#include <algorithm>
#include <limits>

namespace sinter::texture {
namespace {

std::vector<Vec2> convex_hull(std::vector<Vec2> points) {
  std::sort(points.begin(), points.end(), [](Vec2 a, Vec2 b) {
    return a.x < b.x || (a.x == b.x && a.y < b.y);
  });
  points.erase(std::unique(points.begin(), points.end()), points.end());
  if (points.size() < 3) return points;
  std::vector<Vec2> hull;
  const auto add = [&](Vec2 p, std::size_t keep) {
    while (hull.size() >= keep + 2 && orientation(hull[hull.size() - 2], hull.back(), p) <= 0) {
      hull.pop_back();
    }
    hull.push_back(p);
  };
  for (const Vec2 p : points) add(p, 0);
  const std::size_t lower = hull.size() - 1;
  for (auto p = points.rbegin() + 1; p != points.rend(); ++p) add(*p, lower);
  hull.pop_back();
  return hull;
}

}  // namespace

Vec2 upright_rotation(std::span<const Vec2> points) {
  const std::vector<Vec2> hull = convex_hull({points.begin(), points.end()});
  const std::size_t n = hull.size();
  if (n < 2) return {1, 0};
  Vec2 best{1, 0};
  double least = std::numeric_limits<double>::max();
  // the hull's extreme points along u, along its normal and against u, as u turns
  std::size_t right = 0, top = 0, left = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Vec2 side = hull[(i + 1) % n] - hull[i];
    const double norm = length(side);
    if (!(norm > 0)) continue;
    const Vec2 u = 1 / norm * side, v = perpendicular(u);
    const auto climb = [&](std::size_t k, Vec2 direction) {
      for (std::size_t step = 0; step < n; ++step, k = (k + 1) % n) {
        if (dot(direction, hull[(k + 1) % n]) < dot(direction, hull[k])) break;
      }
      return k;
    };
    right = climb(std::max(right, i), u) % n;
    top = climb(i == 0 ? right : top, v) % n;
    left = climb(i == 0 ? top : left, Vec2{} - u) % n;
    const double width = dot(u, hull[right] - hull[left]), height = dot(v, hull[top] - hull[i]);
    if (width * height < least) {
      least = width * height;
      best = width >= height ? Vec2{u.x, -u.y} : Vec2{u.y, u.x};
    }
  }
  return best;
}

Outline make_outline(const Chart& chart, Vec2 turn) {
  Outline outline;
  outline.turn = turn;
  constexpr double kFar = std::numeric_limits<double>::max();
  Vec2 low{kFar, kFar}, high{-kFar, -kFar};
  for (const BorderEdge& edge : chart.border) {
    const Vec2 a = rotate(outline.turn, chart.uv[static_cast<std::size_t>(edge.from)]);
    const Vec2 b = rotate(outline.turn, chart.uv[static_cast<std::size_t>(edge.to)]);
    outline.sides.push_back({a, b});
    outline.area += cross(a, b) / 2;
    low = {std::min(low.x, a.x), std::min(low.y, a.y)};
    high = {std::max(high.x, a.x), std::max(high.y, a.y)};
  }
  outline.corner = low;
  outline.size = high - low;
  for (auto& [a, b] : outline.sides) {
    a -= low;
    b -= low;
  }
  return outline;
}

}  // namespace sinter::texture
