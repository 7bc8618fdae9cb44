#pragma once
// How few triangles a closed surface can have.

#include <cstdint>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

/// The fewest triangles that close a surface with `handles` handles, in any shape whatever:
/// Jungerman and Ringel, "Minimal triangulations on orientable surfaces", Acta Mathematica 145,
/// 1980. 4 for a sphere, 14 for a torus, then 24, 28, 34, 40, 44.
std::int64_t least_faces(std::int64_t handles);

/// The sum over the pieces of a closed manifold mesh: no mesh of the same topology has fewer faces.
/// 0, that is, nothing is known, where the mesh is not closed and manifold.
std::int64_t least_faces(const TriangleMesh& mesh);

}  // namespace sinter::mesh
