#pragma once
// How far two surfaces are apart.

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

using sinter::CompareOptions;
using sinter::Comparison;
using sinter::DistanceSummary;
using sinter::Topology;

/// Raises ErrorCode::invalid_argument where a mesh has no face with area, a vertex that is not
/// finite, or an index beyond its vertices.
Comparison compare_meshes(const TriangleMesh& mesh,
                          const TriangleMesh& reference,
                          const CompareOptions& options = {});

}  // namespace sinter::mesh
