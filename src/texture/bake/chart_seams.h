#pragma once
// Where the surface goes on in another chart.

#include <span>
#include <vector>

#include "texture/bake/border_texels.h"

namespace sinter::texture {

struct ChartSeams {
  std::vector<std::uint32_t> chart;  ///< by vertex: the first vertex of its chart
  std::vector<std::uint32_t> other;  ///< by half: the seam's other one; kNoHalf where no seam is
};

/// A chart is what hangs together on the atlas. A seam is an edge of two faces that have it at two
/// places of the atlas; edges of more faces are none. `first`: by vertex, the first one at its
/// place; `points`: where vertices lie, in texels.
ChartSeams find_chart_seams(std::span<const mesh::Vec3> positions,
                            std::span<const mesh::Face> faces,
                            std::span<const std::uint32_t> first,
                            std::span<const ScreenPoint> points);

}  // namespace sinter::texture
