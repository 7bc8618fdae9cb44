#pragma once
// The mesh type of the public headers, under the names that this room uses. Mesh space:
// right-handed, +Y up, the object's front faces +Z (as glTF), and the decoder's cube is [-box,
// box]^3.

#include <array>
#include <cstddef>
#include <cstdint>

#include "sinter/mesh_types.h"

namespace sinter::mesh {

using Vec3 = std::array<float, 3>;
using Face = std::array<std::uint32_t, 3>;
/// Point (i, j, k) of a grid stands for coordinates (x, y, z).
using GridIndex = std::array<std::int32_t, 3>;
using Triangle = std::array<Vec3, 3>;
using TriangleMesh = sinter::Mesh;

inline Triangle corners(const TriangleMesh& mesh, std::size_t face) {
  const Face& f = mesh.faces[face];
  return {mesh.positions[f[0]], mesh.positions[f[1]], mesh.positions[f[2]]};
}

}  // namespace sinter::mesh
