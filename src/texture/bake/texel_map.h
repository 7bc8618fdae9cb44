#pragma once
// Which face of the mesh each texel of the atlas shows.

#include <array>
#include <span>

#include "texture/bake/texel_weights.h"
#include "texture/maps/face_raster.h"

namespace sinter::texture {

struct TexelMap {
  /// Faces by texel, rows from the top, vertices in texels.
  FaceRaster raster;
  /// By texel: 1 + the face that it shows or, up to the margin, that is next to it; 0 elsewhere.
  std::vector<std::int32_t> face;

  /// Of a texel that has a face: weights of its vertices at the texel, outside the face by at most
  /// half of its size.
  std::array<float, 3> weights(std::span<const mesh::Face> faces, std::size_t texel) const;
};

/// `uv` by vertex, v upwards. Where faces overlap the first one is shown. `margin`: texels beyond a
/// face's border that still belong to it, counted in rows, columns and diagonals.
TexelMap map_texels(std::span<const std::array<float, 2>> uv,
                    std::span<const mesh::Face> faces,
                    int size,
                    TexelGrid grid,
                    int margin,
                    int threads);

/// Gives each texel without a value (0) that of the first neighbour which has one, `rounds` times:
/// left, right, up, down, then diagonals. Calls copy(to, from) for each.
template <class Copy>
void grow(std::vector<std::int32_t>& values, int size, int rounds, Copy&& copy) {
  constexpr int kSteps[8][2] = {
      {-1, 0}, {1, 0}, {0, -1}, {0, 1}, {-1, -1}, {1, -1}, {-1, 1}, {1, 1}};
  std::vector<std::size_t> front;
  const auto side = static_cast<std::size_t>(size);
  const auto each_neighbour = [&](std::size_t i, auto&& visit) {
    const int x = static_cast<int>(i % side), y = static_cast<int>(i / side);
    for (const auto& step : kSteps) {
      const int nx = x + step[0], ny = y + step[1];
      if (nx < 0 || nx >= size || ny < 0 || ny >= size) continue;
      if (!visit(static_cast<std::size_t>(ny) * side + static_cast<std::size_t>(nx))) return;
    }
  };
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == 0) continue;
    bool border = false;
    each_neighbour(i, [&](std::size_t n) { return !(border = values[n] == 0); });
    if (border) front.push_back(i);
  }
  for (int round = 0; round < rounds && !front.empty(); ++round) {
    std::vector<std::size_t> reached;
    for (const std::size_t i : front) {
      each_neighbour(i, [&](std::size_t n) {
        if (values[n] == 0) {
          values[n] = -1;
          reached.push_back(n);
        }
        return true;
      });
    }
    // Two passes: what is reached in a round is no source in it.
    std::vector<std::pair<std::int32_t, std::size_t>> sources;
    for (const std::size_t i : reached) {
      each_neighbour(i, [&](std::size_t n) {
        if (values[n] <= 0) return true;
        sources.emplace_back(values[n], n);
        return false;
      });
    }
    for (std::size_t k = 0; k < reached.size(); ++k) {
      values[reached[k]] = sources[k].first;
      copy(reached[k], sources[k].second);
    }
    front = std::move(reached);
  }
}

}  // namespace sinter::texture
