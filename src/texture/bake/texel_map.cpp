#include "texture/bake/texel_map.h"

#include "texture/bake/texel_weights.h"

namespace sinter::texture {

TexelMap map_texels(std::span<const std::array<float, 2>> uv,
                    std::span<const mesh::Face> faces,
                    int size,
                    TexelGrid grid,
                    int margin,
                    int threads) {
  // The rasteriser puts clip coordinates -1 and 1 on the centres of the first and the last pixel.
  const double last = size - 1, side = size;
  const auto clip = [&](double at) {
    const double texel = grid == TexelGrid::corners ? at * last : at * side - 0.5;
    return static_cast<float>(2 * texel / last - 1);
  };
  std::vector<ClipVertex> vertices;
  vertices.reserve(uv.size());
  for (const std::array<float, 2>& p : uv) {
    vertices.push_back(
        {clip(static_cast<double>(p[0])), clip(1 - static_cast<double>(p[1])), 0, 1});
  }
  TexelMap map{rasterize_faces(vertices, faces, size, size, threads), {}};
  map.face = map.raster.face;
  grow(map.face, size, margin, [](std::size_t, std::size_t) {});
  return map;
}

std::array<float, 3> TexelMap::weights(std::span<const mesh::Face> faces, std::size_t texel) const {
  const mesh::Face& f = faces[static_cast<std::size_t>(face[texel] - 1)];
  const auto width = static_cast<std::size_t>(raster.width);
  return texel_weights(raster.points[f[0]],
                       raster.points[f[1]],
                       raster.points[f[2]],
                       static_cast<int>(texel % width),
                       static_cast<int>(texel / width));
}

}  // namespace sinter::texture
