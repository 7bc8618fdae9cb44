#pragma once
// Which way a mesh stands, and how large it is: quarter turns and scale.

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

using sinter::Axes;
using sinter::Axis;

/// Raises ErrorCode::invalid_argument where both lie on one line: they name no direction to the
/// side.
void check_axes(const Axes& axes);

/// Turns a mesh that stands as `from` says so that it stands as `to` says. Right-handed spaces on
/// both sides, so this is a rotation; coordinates change places and signs and are never rounded.
void turn(TriangleMesh& mesh, const Axes& from, const Axes& to);

/// Scales about the origin so that the longest side of the bounding box is `length`. Raises
/// ErrorCode::invalid_argument where the mesh has no extent or a vertex is not finite, or the
/// result does not fit into fp32.
void scale_longest_side(TriangleMesh& mesh, double length);

}  // namespace sinter::mesh
