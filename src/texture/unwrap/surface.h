#pragma once
// The mesh as the stages of unwrapping see it: scaled to unit area, with neighbours.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "mesh/triangle_mesh.h"
#include "texture/unwrap/topology.h"
#include "texture/unwrap/vec.h"

namespace sinter::texture {

struct Surface {
  SurfaceTopology topology;
  /// By face: its corners, in units in which the surface has area 1 (or extent 1 where it has no
  /// area), the middle of the bounding box at the origin.
  std::vector<std::array<Vec3, 3>> corners;
  /// By face: unit normal, zero where the face has no area.
  std::vector<Vec3> normal;
  std::vector<double> area;
  /// Units of the mesh in one unit here.
  double unit = 1;

  std::size_t faces() const { return corners.size(); }
};

inline std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// Of half-edge h, which leads from corner h % 3 of face h / 3 to the next.
inline double edge_length(const Surface& surface, std::int32_t h) {
  const auto& p = surface.corners[index(h / 3)];
  return length(p[index((h + 1) % 3)] - p[index(h % 3)]);
}

/// The mesh must have been checked: indices in range, finite coordinates.
Surface build_surface(const mesh::TriangleMesh& mesh, int threads);

}  // namespace sinter::texture
