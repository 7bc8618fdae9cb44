#pragma once
// Shading normals for every corner of every face.

#include <vector>

#include "mesh/triangle_mesh.h"

namespace sinter::texture {

/// Three unit normals a face, in the order of its corners: the area-weighted mean over those faces
/// around the corner's vertex whose own normal is within `crease_angle` degrees of this face's.
/// Vertices at exactly the same position count as one, so a surface that a file has cut along a
/// seam stays smooth. A face without area takes part with no weight and has the zero vector where
/// nothing else decides. Indices must be in range.
std::vector<std::array<mesh::Vec3, 3>> corner_normals(const mesh::TriangleMesh& mesh,
                                                      double crease_angle,
                                                      int threads);

}  // namespace sinter::texture
