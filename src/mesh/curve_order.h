#pragma once
// Numbering by place: what is near in space is near in memory.

#include <functional>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

/// The same mesh with vertices and faces numbered along a space-filling curve, faces by their first
/// corner. Equal places keep their old order. Positions must be finite. `poll`, where set, is
/// called between the parts; it throws to stop.
TriangleMesh in_curve_order(const TriangleMesh& mesh, const std::function<void()>& poll = {});

}  // namespace sinter::mesh
