#pragma once
// A surface's vertices and their neighbours, for the host and for kernels; surface_fill.h says what
// for.

#include <cstdint>

#include "texture/maps/face_edges.h"

namespace sinter::texture {

using Colour = std::array<float, 3>;

/// Sweeps that settle the colours which ring after ring has given.
inline constexpr int kFillSweeps = 80;
/// Of a mesh of which nothing is known.
inline constexpr float kMiddleGrey = 0.5f;
/// Every so many texels one counts for the mean colour.
inline constexpr int kMeanStride = 16;

/// By vertex; vertices at the same place are one, the first of them.
struct SurfaceGraph {
  const mesh::Vec3* positions;
  const std::uint64_t* begin;       ///< of each vertex' neighbours, and the end
  const std::uint32_t* neighbours;  ///< in the order of the faces, once for each edge of a face

  /// Of the neighbours n with coloured(n), weighted by 1 / distance. False where there is none.
  template <class Coloured>
  SINTER_BOTH_SIDES bool mean_around(std::uint32_t v,
                                     const Colour* colours,
                                     Coloured&& coloured,
                                     Colour& mean) const {
    Colour sum{};
    float total = 0;
    for (std::uint64_t i = begin[v]; i < begin[v + 1]; ++i) {
      const std::uint32_t n = neighbours[i];
      if (!coloured(n)) continue;
      float square = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        const float apart = positions[v][c] - positions[n][c];
        square += apart * apart;
      }
      const float weight = 1 / std::max(std::sqrt(square), 1e-4f);
      for (std::size_t c = 0; c < 3; ++c) sum[c] += weight * colours[n][c];
      total += weight;
    }
    if (!(total > 0)) return false;
    for (std::size_t c = 0; c < 3; ++c) mean[c] = sum[c] / total;
    return true;
  }
};

/// Between a face's vertices, within 0..1. `first`: by vertex, the first one at its place.
SINTER_BOTH_SIDES inline Colour colour_within(const mesh::Face& face,
                                              const std::array<float, 3>& weights,
                                              const std::uint32_t* first,
                                              const Colour* colours) {
  Colour colour{};
  for (std::size_t k = 0; k < 3; ++k) {
    for (std::size_t c = 0; c < 3; ++c) colour[c] += weights[k] * colours[first[face[k]]][c];
  }
  for (float& value : colour) value = std::clamp(value, 0.0f, 1.0f);
  return colour;
}

}  // namespace sinter::texture
