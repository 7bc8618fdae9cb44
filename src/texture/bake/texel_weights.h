#pragma once
// Where in its face a texel lies, for the host and for kernels.

#include <cstdint>

#include "texture/maps/face_edges.h"

namespace sinter::texture {

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
