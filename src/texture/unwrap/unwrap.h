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
#include <functional>
#include <vector>

#include "mesh/triangle_mesh.h"

namespace sinter::texture {

struct UnwrapOptions {
  /// Side of the square atlas in texels, 32..16384. The charts are scaled to fill it.
  int texture_size = 2048;
  /// Empty texels between the texels that two charts touch, 0..64; half as many along the border.
  int gutter = 4;
  /// Charts are joined as long as the L2 stretch (see UnwrapStats) of the joint chart stays below
  /// this; at least 1. Larger means fewer charts. A single chart exceeds it where the surface is
  /// rough below the size of a chart.
  double max_stretch = 1.02;
  /// Longest side of a chart, as a fraction of the side of a square that holds the whole surface at
  /// the expected fill; 0.05..10. Longer charts are cut, which lets the rest be larger.
  double max_extent = 0.9;
  /// Charts are joined beyond max_stretch, gently at first, until at most this many are left; 0: no
  /// limit. The number can stay higher: components and what cannot be flattened stay apart.
  int max_charts = 0;
  /// CPU threads, at least 1; never changes the result.
  int threads = 1;
  /// Called from the calling thread, now and then, with the fraction done in [0, 1]. To cancel,
  /// throw.
  std::function<void(double fraction)> progress;
};

/// Texture stretch after Sander, Snyder, Gortler and Hoppe, "Texture mapping progressive meshes"
/// (2001), of the map from the atlas to the surface, over faces that have an area; scaled so that 1
/// is a map without any stretch.
struct UnwrapStats {
  std::int64_t charts = 0;
  /// Sum of the faces' areas in the atlas over the area of the atlas.
  double atlas_use = 0;
  /// Root of the mean, weighted by area, of (s1^2 + s2^2) / 2; s1 >= s2 are a face's singular
  /// values.
  double stretch_l2 = 1;
  /// The largest s1.
  double stretch_linf = 1;
  /// Faces that are mirrored in the atlas; 0.
  std::int64_t flipped_faces = 0;
  /// Length of the surface's edges that became borders of charts (both sides counted once), over
  /// the root of the surface's area.
  double seam_length = 0;
  /// Texels along a unit of length of the mesh.
  double texels_per_unit = 0;
  /// Faces of no area that lie in no chart: all their corners share one point of the atlas.
  std::int64_t collapsed_faces = 0;
};

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
