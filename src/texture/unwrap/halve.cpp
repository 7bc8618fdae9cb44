#include "texture/unwrap/halve.h"

#include <limits>

#include "texture/unwrap/cluster.h"
#include "texture/unwrap/outline.h"
#include "texture/unwrap/reference.h"

namespace sinter::texture {
namespace {

std::size_t index(std::int32_t i) {
  return static_cast<std::size_t>(i);
}

/// Writes labels `low` and `low` + 1 to the chart's faces.
void label_sides(const Chart& chart, std::int32_t low, std::vector<std::int32_t>& labels) {
  std::vector<Vec2> points;
  for (const BorderEdge& edge : chart.border) points.push_back(chart.uv[index(edge.from)]);
  const Vec2 turn = upright_rotation(points);
  double left = std::numeric_limits<double>::max(), right = -left;
  for (const Vec2 p : points) {
    left = std::min(left, rotate(turn, p).x);
    right = std::max(right, rotate(turn, p).x);
  }
  for (std::size_t f = 0; f < chart.faces.size(); ++f) {
    double sum = 0;
    for (const std::int32_t v : chart.corners[f]) sum += rotate(turn, chart.uv[index(v)]).x;
    labels[chart.faces[f]] = low + (sum / 3 > (left + right) / 2);
  }
}

/// Takes the places of the faces' corners; false where corners that became one vertex were two.
bool copy_places(const Chart& from, const FaceSlots& slots, Chart& to) {
  std::vector<std::int32_t> source(to.uv.size(), -1);
  for (std::size_t f = 0; f < to.faces.size(); ++f) {
    const auto& corners = from.corners[index(slots[to.faces[f]])];
    for (std::size_t k = 0; k < 3; ++k) {
      const std::size_t v = index(to.corners[f][k]);
      if (source[v] >= 0 && source[v] != corners[k]) return false;
      source[v] = corners[k];
      to.uv[v] = from.uv[index(corners[k])];
    }
  }
  return true;
}

}  // namespace

std::vector<Chart> halve_charts(const Surface& surface,
                                const std::vector<Chart>& charts,
                                int threads) {
  std::vector<std::int32_t> labels(surface.faces(), kNoCluster), owner(surface.faces());
  FaceSlots old_slots(surface.faces()), slots;
  for (std::size_t c = 0; c < charts.size(); ++c) {
    label_sides(charts[c], static_cast<std::int32_t>(2 * c), labels);
    for (std::size_t i = 0; i < charts[c].faces.size(); ++i) {
      owner[charts[c].faces[i]] = static_cast<std::int32_t>(c);
      old_slots[charts[c].faces[i]] = static_cast<std::int32_t>(i);
    }
  }
  const std::int32_t count = split_components(surface, labels);
  std::vector<Chart> halves = build_charts(surface, labels, count, slots, threads);
  std::vector<std::uint8_t> whole(charts.size(), 0);
  for (Chart& half : halves) {
    const std::int32_t c = owner[half.faces[0]];
    whole[index(c)] |= !copy_places(charts[index(c)], old_slots, half);
    half.stretch = measure_stretch(reference_triangles(surface, half), half);
  }
  std::erase_if(halves, [&](const Chart& half) { return whole[index(owner[half.faces[0]])] != 0; });
  for (std::size_t c = 0; c < charts.size(); ++c) {
    if (whole[c]) halves.push_back(charts[c]);
  }
  return halves;
}

}  // namespace sinter::texture
