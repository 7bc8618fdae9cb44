#include "texture/unwrap/layout.h"

#include <cmath>
#include <optional>
#include <utility>

#include "core/error.h"

namespace sinter::texture {
namespace {

/// What a seam as long as the side of a square with the surface's area must bring in use of the
/// atlas, as a share of it. The gutter of four texels along such a seam takes half a percent of an
/// atlas of 2048 that is filled by 0.6; the rest is for what seams cost where textures are painted.
constexpr double kSeamPrice = 0.03;

double area_of(const std::vector<Chart>& charts) {
  double area = 0;
  for (const Chart& chart : charts) area += chart.stretch.area;
  return area;
}

}  // namespace

double seam_length(const Surface& surface, const std::vector<Chart>& charts) {
  double sum = 0;
  for (const Chart& chart : charts) {
    for (const BorderEdge& edge : chart.border) {
      if (surface.topology.opposite[static_cast<std::size_t>(edge.half_edge)] < 0) continue;
      const auto& p = surface.corners[static_cast<std::size_t>(edge.half_edge / 3)];
      const auto k = static_cast<std::size_t>(edge.half_edge % 3);
      sum += length(p[(k + 1) % 3] - p[k]);
    }
  }
  return sum / 2;
}

Layout choose_layout(const Surface& surface,
                     std::vector<std::vector<Chart>> sets,
                     const PackOptions& options) {
  std::optional<Packer> best;
  std::size_t chosen = 0;
  double scale = 0, seams = 0;
  const double side = std::sqrt(area_of(sets[0]));
  for (std::size_t i = 0; i < sets.size(); ++i) {
    Packer packer(sets[i], options);
    const double length = side > 0 ? seam_length(surface, sets[i]) / side : 0;
    // use grows with the square of the scale
    const double worth = scale * std::exp(kSeamPrice / 2 * (length - seams));
    const double found = packer.search(worth);
    if (found == 0) continue;
    best = std::move(packer);
    chosen = i;
    scale = found;
    seams = length;
  }
  SINTER_CHECK(best,
               ErrorCode::unsupported,
               "[unwrap] atlas: expected room for ",
               sets[0].size(),
               " charts with ",
               options.gutter,
               " texels between them, got ",
               options.texture_size,
               " x ",
               options.texture_size,
               " texels; take a larger texture or a smaller gutter");
  return {std::move(sets[chosen]), best->finish()};
}

}  // namespace sinter::texture
