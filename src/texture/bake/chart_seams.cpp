#include "texture/bake/chart_seams.h"

#include "mesh/edge_table.h"
#include "mesh/union_find.h"

namespace sinter::texture {

ChartSeams find_chart_seams(std::span<const mesh::Vec3> positions,
                            std::span<const mesh::Face> faces,
                            std::span<const std::uint32_t> first,
                            std::span<const ScreenPoint> points) {
  mesh::UnionFind charts(positions.size());
  mesh::TriangleMesh welded{{positions.begin(), positions.end()}, {}};
  welded.faces.reserve(faces.size());
  for (const mesh::Face& face : faces) {
    charts.join(face[0], face[1]);
    charts.join(face[0], face[2]);
    welded.faces.push_back({first[face[0]], first[face[1]], first[face[2]]});
  }
  ChartSeams result{{}, std::vector<std::uint32_t>(3 * faces.size(), kNoHalf)};
  const auto together = [&](std::uint32_t a, std::uint32_t b) {
    return points[a].x == points[b].x && points[a].y == points[b].y;
  };
  mesh::EdgeTable(welded).for_each([&](std::uint32_t, std::span<const mesh::EdgeUse> uses) {
    if (uses.size() != 2) return;
    const auto end = [&](std::size_t use, std::uint32_t which) {
      const std::uint32_t half = uses[use].half;
      return faces[half / 3][(half + which) % 3];
    };
    const bool same_way = first[end(0, 0)] == first[end(1, 0)];
    if (together(end(0, 0), end(1, same_way ? 0 : 1)) &&
        together(end(0, 1), end(1, same_way ? 1 : 0))) {
      charts.join(end(0, 0), end(1, 0));
    } else {
      result.other[uses[0].half] = uses[1].half;
      result.other[uses[1].half] = uses[0].half;
    }
  });
  for (std::uint32_t v = 0; v < positions.size(); ++v) result.chart.push_back(charts.find(v));
  return result;
}

}  // namespace sinter::texture
