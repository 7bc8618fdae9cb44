#include "texture/unwrap/stitch.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sinter::texture {
namespace {

std::size_t index(std::int32_t i) {
  return static_cast<std::size_t>(i);
}

/// By vertex, a's and then b's: its number in the joint chart.
std::vector<std::int32_t> number_vertices(const Chart& a,
                                          const Chart& b,
                                          const std::vector<Stitch>& stitches) {
  const auto first_of_b = static_cast<std::int32_t>(a.uv.size());
  std::vector<std::int32_t> parent(a.uv.size() + b.uv.size());
  std::iota(parent.begin(), parent.end(), 0);
  const auto root = [&](std::int32_t i) {
    while (parent[index(i)] != i) i = parent[index(i)] = parent[index(parent[index(i)])];
    return i;
  };
  for (const Stitch& s : stitches) {
    const auto [low, high] = std::minmax({root(s.a), root(first_of_b + s.b)});
    parent[index(high)] = low;
  }
  std::vector<std::int32_t> number(parent.size());
  std::int32_t count = 0;
  for (std::int32_t v = 0; index(v) < parent.size(); ++v) {
    const std::int32_t r = root(v);
    number[index(v)] = r == v ? count++ : number[index(r)];
  }
  return number;
}

}  // namespace

Motion fit_motion(const Chart& a, const Chart& b, const std::vector<Stitch>& stitches) {
  Motion motion;
  double weight = 0;
  for (const Stitch& s : stitches) {
    motion.to += s.weight * a.uv[index(s.a)];
    motion.from += s.weight * b.uv[index(s.b)];
    weight += s.weight;
  }
  motion.to = 1 / weight * motion.to;
  motion.from = 1 / weight * motion.from;
  double c = 0, s0 = 0;
  for (const Stitch& s : stitches) {
    const Vec2 p = b.uv[index(s.b)] - motion.from, q = a.uv[index(s.a)] - motion.to;
    c += s.weight * dot(p, q);
    s0 += s.weight * cross(p, q);
  }
  const double norm = std::sqrt(c * c + s0 * s0);
  if (norm > 0) {
    motion.cosine = c / norm;
    motion.sine = s0 / norm;
  }
  return motion;
}

double gap_between(const Chart& a,
                   const Chart& b,
                   const std::vector<Stitch>& stitches,
                   const Motion& motion) {
  double sum = 0, weight = 0;
  for (const Stitch& s : stitches) {
    const Vec2 d = a.uv[index(s.a)] - motion(b.uv[index(s.b)]);
    sum += s.weight * dot(d, d);
    weight += s.weight;
  }
  return std::sqrt(sum / weight);
}

Chart stitch_charts(const Chart& a,
                    const Chart& b,
                    const std::vector<Stitch>& stitches,
                    const Motion& motion,
                    const std::function<bool(const BorderEdge&)>& inner) {
  const std::vector<std::int32_t> number = number_vertices(a, b, stitches);
  const std::int32_t vertices =
      number.empty() ? 0 : 1 + *std::max_element(number.begin(), number.end());
  Chart joint;
  joint.uv.resize(index(vertices));
  std::vector<int> times(joint.uv.size(), 0);
  const auto add = [&](const Chart& chart, std::size_t shift, bool moved) {
    for (std::size_t v = 0; v < chart.uv.size(); ++v) {
      const std::size_t n = index(number[shift + v]);
      joint.uv[n] += moved ? motion(chart.uv[v]) : chart.uv[v];
      ++times[n];
    }
    joint.faces.insert(joint.faces.end(), chart.faces.begin(), chart.faces.end());
    for (const auto& c : chart.corners) {
      joint.corners.push_back(
          {number[shift + index(c[0])], number[shift + index(c[1])], number[shift + index(c[2])]});
    }
    for (const BorderEdge& edge : chart.border) {
      if (inner(edge)) continue;
      joint.border.push_back(
          {edge.half_edge, number[shift + index(edge.from)], number[shift + index(edge.to)]});
    }
  };
  add(a, 0, false);
  add(b, a.uv.size(), true);
  for (std::size_t v = 0; v < joint.uv.size(); ++v) joint.uv[v] = 1.0 / times[v] * joint.uv[v];
  return joint;
}

}  // namespace sinter::texture
