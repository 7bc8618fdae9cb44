#pragma once
// Faces thinner than texels, which may cover no texel's centre for many texels: along their edges a
// viewer blends in texels that are further than the margin from every one that shows a face.

#include "texture/bake/border_texels.h"
#include "texture/bake/texel_map.h"

namespace sinter::texture {

/// What is blended in at a point lies at most a row and a column from the point's texel; points
/// between those that are looked at lie at most one further.
inline constexpr int kThinReach = 2;

/// Texels along edges that have no face, for the host and for kernels.
struct ThinFaces {
  const ScreenPoint* points;
  const mesh::Face* faces;
  const std::int32_t* shown;  ///< by texel, without the margin
  const std::int32_t* face;   ///< by texel, with a margin of kThinReach or more
  int size;

  /// Calls visit(texel) for those near a half (SeamSide), more than once for some.
  template <class Visit>
  SINTER_BOTH_SIDES void each_bare(std::uint32_t half, Visit&& visit) const {
    const mesh::Face& f = faces[half / 3];
    SeamSide(points, faces, half).each_place(0, 1, [&](int x0, int y0) {
      if (x0 < 0 || y0 < 0 || x0 >= size || y0 >= size) return;
      if (shown[std::int64_t{y0} * size + x0] != 0) return;  // the margin is around it
      SeamSide::each_around(x0, y0, kThinReach, size, [&](int x, int y) {
        const std::int64_t i = std::int64_t{y} * size + x;
        if (face[i] != 0) return;
        const std::array<float, 3> w =
            texel_weights(points[f[0]], points[f[1]], points[f[2]], x, y);
        // Not of a face without area.
        if (std::isfinite(w[0] + w[1] + w[2])) visit(i);
      });
    });
  }
};

/// Gives bare texels the first face that they are near to. `map` has a margin of kThinReach or
/// more. They are not sampled from views, since far outside a thin face weights say nothing of
/// where a texel lies: fill_along_surface() colours them, by what lies beyond the seam.
void reach_thin_faces(std::span<const mesh::Face> faces, TexelMap& map);

}  // namespace sinter::texture
