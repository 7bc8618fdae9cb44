#pragma once
// The mesh as the stages of unwrapping see it: scaled to unit area, with neighbours.

#include <array>
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

/// The mesh must have been checked: indices in range, finite coordinates.
Surface build_surface(const mesh::TriangleMesh& mesh, int threads);

}  // namespace sinter::texture
