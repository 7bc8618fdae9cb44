#pragma once
// What an unwrapped mesh is worth, from nothing but its triangles and texture coordinates.

#include "mesh/triangle_mesh.h"
#include "texture/unwrap/unwrap.h"

namespace sinter::texture {

/// Faces with less than this share of the surface's area are left out of the stretch: their
/// coordinates in the atlas are rounded to fp32.
constexpr double kMeasuredArea = 1e-9;
/// A mirrored face counts as flipped where its height in the atlas, as a share of the atlas's side,
/// is more than what rounding to fp32 can turn over.
constexpr double kFlippedHeight = 1.0 / (1 << 22);

struct AtlasMeasure {
  double use = 0;
  double stretch_l2 = 1;
  double stretch_linf = 1;
  std::int64_t flipped_faces = 0;
};

/// See UnwrapStats. `width` and `height` are the sides of the atlas in texels. Where
/// `charts_may_mirror`, every chart's own orientation is what most of its area has.
AtlasMeasure measure_atlas(const mesh::TriangleMesh& mesh,
                           const UnwrapResult& result,
                           double width,
                           double height,
                           bool charts_may_mirror = false);

}  // namespace sinter::texture
