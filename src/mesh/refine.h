#pragma once
// More faces for the same surface.

#include <cstdint>
#include <functional>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

/// Cuts edges in the middle, the longest first, until the mesh has `target_faces` faces, or one
/// less. The surface stays where it is, up to the rounding of new vertices to fp32, and closed and
/// manifold where it was. Edges with more than two faces, or whose faces disagree in direction, are
/// left alone, and so are edges too short for a vertex between their ends. A mesh with as many
/// faces is returned as it is. Returns the number of faces.
/// `poll`, where set, is called now and then; it throws to stop, which leaves a mesh in between.
std::int64_t refine(TriangleMesh& mesh,
                    std::int64_t target_faces,
                    const std::function<void()>& poll = {});

}  // namespace sinter::mesh
