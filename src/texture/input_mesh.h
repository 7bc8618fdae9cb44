#pragma once
// What every stage that takes a mesh from outside asks of it first.

#include <string>
#include <string_view>
#include <vector>

#include "mesh/triangle_mesh.h"

namespace sinter::texture {

/// Raises ErrorCode::invalid_argument, "[who] ...", for a mesh without a face, a coordinate that is
/// not finite, or a face with a vertex that is not there.
void check_input_mesh(std::string_view who, const mesh::TriangleMesh& mesh);

/// The mesh without what cannot be drawn: vertices that are not finite with their faces, faces that
/// name a vertex twice, faces whose corners lie where those of an earlier face lie, in the same
/// order round, and vertices that no face uses. The rest keeps its order. A line for each kind that
/// was met goes to `repairs`. Raises "[who] mesh: ..." (invalid_argument) for an index out of range
/// where no face with an area is left, and for an extent of 1e19 or more.
mesh::TriangleMesh mend_input_mesh(std::string_view who,
                                   const mesh::TriangleMesh& mesh,
                                   std::vector<std::string>& repairs);

/// How a surface hangs together, vertices at exactly the same place counted as one.
struct SurfaceEdges {
  std::int64_t components = 0;
  std::int64_t open = 0;  ///< edges with one face
  std::int64_t cut = 0;   ///< with more than two, or with two that run the same way along it
};
SurfaceEdges count_edges(const mesh::TriangleMesh& mesh);

}  // namespace sinter::texture
