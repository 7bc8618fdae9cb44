#pragma once
// A mesh made ready to be looked at: centred and scaled in inner space (view_camera.h), with
// normals.

#include <array>
#include <cstdint>
#include <vector>

#include "mesh/triangle_mesh.h"

namespace sinter::texture {

/// Value that two meshes share only where positions and faces are the same, but for chance of
/// 2^-128.
using MeshIdentity = std::array<std::uint64_t, 2>;

struct ViewMesh {
  std::vector<mesh::Vec3> positions;
  std::vector<mesh::Face> faces;
  /// In mesh axes: inner = scale * (mirrored(p) - centre).
  mesh::Vec3 centre{};  ///< in inner axes, before scaling
  float scale = 1;
  MeshIdentity identity{};
};

/// The bounding box's centre goes to the origin, the farthest vertex to kInnerRadius from it, in
/// fp32. Raises "[maps] ..." for a mesh without a face, an index out of range, a coordinate that is
/// not finite, or no extent.
ViewMesh prepare_view_mesh(const mesh::TriangleMesh& mesh);

/// (-x, z, -y): mesh axes to inner axes.
inline mesh::Vec3 mirrored(const mesh::Vec3& p) {
  return {-p[0], p[2], -p[1]};
}

/// Normalised, unweighted sums of the unit normals of the faces around each vertex, as indices
/// have it: copies of a vertex have normals of their own. Zero where nothing decides. Inner space
/// is a reflection, so these point inwards for faces that are counter-clockwise from outside.
std::vector<mesh::Vec3> mean_normals(const std::vector<mesh::Vec3>& positions,
                                     const std::vector<mesh::Face>& faces,
                                     int threads);

}  // namespace sinter::texture
