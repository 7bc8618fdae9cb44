#include "texture/unwrap/chart.h"

#include "mesh/parallel.h"

namespace sinter::texture {
namespace {

/// Walks the fans of glued faces around every corner and numbers them; sets everything but the
/// chart's faces. `vertex` is by corner of the surface, -1 before; charts touch their own faces'
/// corners only.
void number_vertices(const Surface& surface,
                     std::span<const std::int32_t> labels,
                     Chart& chart,
                     std::vector<std::int32_t>& vertex) {
  const auto& opposite = surface.topology.opposite;
  const auto glued = [&](std::int32_t h) {
    const std::int32_t other = opposite[static_cast<std::size_t>(h)];
    return other >= 0 && labels[static_cast<std::size_t>(other / 3)] ==
                             labels[static_cast<std::size_t>(h / 3)]
               ? other
               : -1;
  };
  std::int32_t count = 0;
  for (const std::uint32_t f : chart.faces) {
    for (std::int32_t k = 0; k < 3; ++k) {
      const auto seed = static_cast<std::int32_t>(3 * f) + k;
      if (vertex[static_cast<std::size_t>(seed)] >= 0) continue;
      // anticlockwise, across the edge that comes in; then clockwise, across the one that goes out
      std::int32_t corner = seed;
      bool closed = false;
      do {
        vertex[static_cast<std::size_t>(corner)] = count;
        corner = glued(previous_half_edge(corner));
        closed = corner == seed;
      } while (corner >= 0 && !closed);
      if (!closed) {
        for (std::int32_t out = glued(seed); out >= 0; out = glued(next_half_edge(out))) {
          vertex[static_cast<std::size_t>(next_half_edge(out))] = count;
        }
      }
      ++count;
    }
  }
  chart.uv.assign(static_cast<std::size_t>(count), {});
  chart.corners.reserve(chart.faces.size());
  for (const std::uint32_t f : chart.faces) {
    const std::int32_t* const v = &vertex[3 * std::size_t{f}];
    chart.corners.push_back({v[0], v[1], v[2]});
    for (std::int32_t k = 0; k < 3; ++k) {
      const auto h = static_cast<std::int32_t>(3 * f) + k;
      if (glued(h) < 0) chart.border.push_back({h, v[k], v[(k + 1) % 3]});
    }
  }
}

}  // namespace

std::vector<Chart> build_charts(const Surface& surface,
                                std::span<const std::int32_t> labels,
                                std::int32_t count,
                                FaceSlots& slots,
                                int threads) {
  std::vector<Chart> charts(static_cast<std::size_t>(count));
  slots.resize(labels.size(), -1);
  for (std::size_t f = 0; f < labels.size(); ++f) {
    if (labels[f] < 0) continue;
    Chart& chart = charts[static_cast<std::size_t>(labels[f])];
    slots[f] = static_cast<std::int32_t>(chart.faces.size());
    chart.faces.push_back(static_cast<std::uint32_t>(f));
  }
  std::vector<std::int32_t> vertex(3 * labels.size(), -1);
  mesh::parallel_blocks(threads, count, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      number_vertices(surface, labels, charts[static_cast<std::size_t>(c)], vertex);
    }
  });
  return charts;
}

}  // namespace sinter::texture
