#pragma once
// Facts about a mesh: what it is made of, and what is wrong with it.

#include <cstdint>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

struct CheckOptions {
  bool self_intersections = true;  ///< the expensive part
  int threads = 1;                 ///< never changes the result
};

using sinter::MeshReport;

/// Any triangle list is accepted; indices beyond the vertices raise ErrorCode::invalid_argument.
MeshReport check_mesh(const TriangleMesh& mesh, const CheckOptions& options = {});

}  // namespace sinter::mesh
