#pragma once
// Where faces lie on the atlas, and texels in their faces, for the host and for kernels.

#include <cstdint>

#include "texture/maps/face_edges.h"

namespace sinter::texture {

enum class TexelGrid {
  centres,  ///< texel (i, j) is at ((i + 0.5) / size, (j + 0.5) / size), as viewers sample
  corners,  ///< at (i / (size - 1), j / (size - 1)), as the reference bakes
};

/// Where a vertex lies for the rasteriser, which puts clip coordinates -1 and 1 on the centres of
/// the first and the last pixel. `uv` has v upwards.
SINTER_BOTH_SIDES inline ClipVertex clip_on_atlas(const std::array<float, 2>& uv,
                                                  int size,
                                                  TexelGrid grid) {
  const double last = size - 1, side = size;
  const double at[2] = {static_cast<double>(uv[0]), 1 - static_cast<double>(uv[1])};
  float clip[2];
  for (int i = 0; i < 2; ++i) {
    const double texel = grid == TexelGrid::corners ? at[i] * last : at[i] * side - 0.5;
    clip[i] = static_cast<float>(2 * texel / last - 1);
  }
  return {clip[0], clip[1], 0, 1};
}

/// Weights of the face's vertices, which lie at a, b and c in texels, at texel (x, y); outside the
/// face by at most half of its size.
SINTER_BOTH_SIDES inline std::array<float, 3> texel_weights(
    const ScreenPoint& a, const ScreenPoint& b, const ScreenPoint& c, int x, int y) {
  constexpr float kOutside = 0.5f;
  const ScreenWeights s =
      FaceEdges(a, b, c).at(static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f);
  std::array<float, 3> weights = {s.alpha, s.beta, s.gamma};
  float sum = 0;
  for (float& w : weights) {
    w = std::clamp(w, -kOutside, 1 + kOutside);
    sum += w;
  }
  for (float& w : weights) w /= sum;
  return weights;
}

}  // namespace sinter::texture
