#include "texture/unwrap/one_to_one.h"

#include <algorithm>
#include <numbers>
#include <unordered_map>

#include "texture/unwrap/crossing.h"

namespace sinter::texture {
namespace {

std::size_t index(std::int32_t i) {
  return static_cast<std::size_t>(i);
}

/// By vertex: 1 where its faces go around it more than once. Faces must not be mirrored.
std::vector<std::uint8_t> find_wrapped(const Chart& chart) {
  std::vector<std::uint8_t> on_border(chart.uv.size(), 0);
  for (const BorderEdge& edge : chart.border) on_border[index(edge.from)] = 1;
  std::vector<double> angle(chart.uv.size(), 0);         // of vertices on the border
  std::vector<std::uint8_t> rounds(chart.uv.size(), 0);  // times the ray to the right is crossed
  for (const auto& c : chart.corners) {
    for (std::size_t k = 0; k < 3; ++k) {
      const Vec2 p = chart.uv[index(c[k])];
      const Vec2 a = chart.uv[index(c[(k + 1) % 3])] - p, b = chart.uv[index(c[(k + 2) % 3])] - p;
      if (on_border[index(c[k])]) angle[index(c[k])] += std::atan2(cross(a, b), dot(a, b));
      // b lies less than half a turn from a, anticlockwise
      auto& n = rounds[index(c[k])];
      if (a.y <= 0 && b.y > 0 && n < 2) ++n;
    }
  }
  std::vector<std::uint8_t> wrapped(chart.uv.size());
  for (std::size_t v = 0; v < wrapped.size(); ++v) {
    wrapped[v] = rounds[v] > 1 || angle[v] >= 2 * std::numbers::pi * (1 - 1e-12);
  }
  return wrapped;
}

std::vector<std::array<std::uint32_t, 2>> find_border_crossings(const Chart& chart,
                                                                std::size_t limit) {
  std::vector<std::array<std::int32_t, 2>> segments;
  segments.reserve(chart.border.size());
  for (const BorderEdge& edge : chart.border) segments.push_back({edge.from, edge.to});
  return find_crossings(chart.uv, segments, limit);
}

}  // namespace

bool is_one_to_one(const Chart& chart) {
  if (chart.border.empty()) return false;
  const std::vector<std::uint8_t> wrapped = find_wrapped(chart);
  return std::find(wrapped.begin(), wrapped.end(), 1) == wrapped.end() &&
         find_border_crossings(chart, 1).empty();
}

std::vector<std::uint32_t> find_culprits(const Surface& surface, const Chart& chart) {
  std::vector<std::uint32_t> culprits;
  for (std::size_t f = 0; f < chart.faces.size(); ++f) {
    const ReferenceTriangle reference = reference_triangle(surface.corners[chart.faces[f]]);
    if (is_mirrored(reference, chart, f)) culprits.push_back(static_cast<std::uint32_t>(f));
  }
  if (!culprits.empty()) return culprits;

  const std::vector<std::uint8_t> wrapped = find_wrapped(chart);
  std::unordered_map<std::uint32_t, std::uint32_t> slot;
  for (std::size_t f = 0; f < chart.faces.size(); ++f) {
    const auto& c = chart.corners[f];
    slot[chart.faces[f]] = static_cast<std::uint32_t>(f);
    if (wrapped[index(c[0])] || wrapped[index(c[1])] || wrapped[index(c[2])]) {
      culprits.push_back(static_cast<std::uint32_t>(f));
    }
  }
  for (const auto& [a, b] : find_border_crossings(chart, chart.border.size())) {
    const std::int32_t half_edge = chart.border[std::min(a, b)].half_edge;
    culprits.push_back(slot[static_cast<std::uint32_t>(half_edge / 3)]);
  }
  std::sort(culprits.begin(), culprits.end());
  culprits.erase(std::unique(culprits.begin(), culprits.end()), culprits.end());
  return culprits;
}

}  // namespace sinter::texture
