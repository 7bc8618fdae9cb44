#pragma once
// How much of their volume two closed meshes have in common.

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

/// Intersection over union of what the meshes enclose (winding number above 0), measured along
/// resolution x resolution lines parallel to z, spread evenly over the bounding box of both: exact
/// along each line. Both meshes must be closed; 0 where neither encloses anything.
double volume_iou(const TriangleMesh& a, const TriangleMesh& b, int resolution, int threads = 1);

}  // namespace sinter::mesh
