#pragma once
// What every stage that takes a mesh from outside asks of it first.

#include <string_view>

#include "mesh/triangle_mesh.h"

namespace sinter::texture {

/// Raises ErrorCode::invalid_argument, "[who] ...", for a mesh without a face, a coordinate that is
/// not finite, or a face with a vertex that is not there.
void check_input_mesh(std::string_view who, const mesh::TriangleMesh& mesh);

}  // namespace sinter::texture
