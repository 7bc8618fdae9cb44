#include "texture/bake/texel_map.h"

namespace sinter::texture {

TexelMap map_texels(std::span<const std::array<float, 2>> uv,
                    std::span<const mesh::Face> faces,
                    int size,
                    TexelGrid grid,
                    int margin,
                    int threads) {
  std::vector<ClipVertex> vertices;
  vertices.reserve(uv.size());
  for (const std::array<float, 2>& p : uv) vertices.push_back(clip_on_atlas(p, size, grid));
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
