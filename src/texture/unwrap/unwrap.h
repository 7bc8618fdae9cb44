#pragma once
// UV unwrapping: a triangle mesh to flat charts in one square atlas.
//
// The surface is cut into charts by clustering face normals, each chart is flattened with as little
// change of length as possible, neighbouring charts are joined again where the joint chart flattens
// as well as its parts, and the charts are packed with a gutter that is counted in texels.
//
// No face is mirrored and no two faces cover the same texel (check_unwrap() in validate.h proves it
// for a given result). The result does not depend on the number of threads.

#include <array>
#include <cstdint>
#include <vector>

#include "mesh/triangle_mesh.h"
#include "sinter/texture.h"

namespace sinter::texture {

using sinter::UnwrapOptions;
using sinter::UnwrapStats;
using sinter::UnwrapTimes;

/// The mesh with its vertices split along the borders of charts.
struct UnwrapResult {
  /// New vertex to vertex of the mesh; every copy of a vertex has its position.
  std::vector<std::uint32_t> source;
  /// Same faces in the same order with the same first corner, into the new vertices.
  std::vector<mesh::Face> faces;
  /// (u, v) in [0, 1] by new vertex; v grows upwards. Texel (column, row from the top) covers
  /// [column, column + 1] x [row, row + 1] / size of (u, 1 - v).
  std::vector<std::array<float, 2>> uv;
  /// Chart of each face, numbered from 0 by first face; -1 for faces that lie in no chart.
  std::vector<std::int32_t> chart;
  UnwrapStats stats;
  UnwrapTimes times;
};

/// Unwraps any list of triangles. Vertices at exactly the same position count as one; the surface
/// is cut along edges with more than two faces, or with two that run the same way; a face that
/// repeats another gets a place of its own.
///
/// Raises "[unwrap] ..." (invalid_argument) for options out of range, a mesh without a face, an
/// index out of range or a coordinate that is not finite; unsupported where the atlas has too few
/// texels to keep that many charts apart.
UnwrapResult unwrap_mesh(const mesh::TriangleMesh& mesh, const UnwrapOptions& options = {});

}  // namespace sinter::texture
