#pragma once
// The formulas of scatter.h, pixel by pixel and texel by texel, for the host and for kernels.

#include <cstdint>

#include "texture/maps/face_edges.h"

namespace sinter::texture {

/// Weights from here on count.
inline constexpr float kLeastWeight = 1e-8f;

/// The four texels that a pixel is spread over.
struct ScatterTaps {
  int row, column;  ///< of the first
  float weights[4];

  SINTER_BOTH_SIDES std::int64_t texel(int tap, int size) const {
    return std::int64_t{row + tap / 2} * size + column + tap % 2;
  }
};

/// `uv` by vertex, v upwards; `b` are the pixel's barycentrics.
SINTER_BOTH_SIDES inline ScatterTaps scatter_taps(const std::array<float, 2>* uv,
                                                  const mesh::Face& face,
                                                  const std::array<float, 3>& b,
                                                  int size) {
  float u = 0, down = 0;
  for (std::size_t k = 0; k < 3; ++k) {
    u += b[k] * uv[face[k]][0];
    down += b[k] * (1 - uv[face[k]][1]);
  }
  const auto last = static_cast<float>(size - 1);
  const float h = down * last, w = u * last;
  const int i = std::clamp(static_cast<int>(std::floor(h)), 0, size - 2);
  const int j = std::clamp(static_cast<int>(std::floor(w)), 0, size - 2);
  const float fh = h - static_cast<float>(i), fw = w - static_cast<float>(j);
  return {i, j, {(1 - fh) * (1 - fw), (1 - fh) * fw, fh * (1 - fw), fh * fw}};
}

/// 0 beyond 75 degrees.
SINTER_BOTH_SIDES inline float scattered_cosine(float cosine) {
  return cosine < 0.2588190451f ? 0 : cosine;
}

SINTER_BOTH_SIDES inline float merge_weight(float cosine, float view_weight) {
  const float square = cosine * cosine;
  return view_weight * (square * square);
}

/// Whether a view is left out that paints so many texels, `again` of which others have painted.
inline bool brings_nothing(std::int64_t painted, std::int64_t again) {
  return painted > 0 && static_cast<double>(again) / static_cast<double>(painted) > 0.99;
}

}  // namespace sinter::texture
