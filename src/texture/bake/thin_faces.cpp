#include "texture/bake/thin_faces.h"

namespace sinter::texture {

void reach_thin_faces(std::span<const mesh::Face> faces, TexelMap& map) {
  const ThinFaces thin{map.raster.points.data(),
                       faces.data(),
                       map.raster.face.data(),
                       map.face.data(),
                       map.raster.width};
  for (std::uint32_t half = 0; half < 3 * faces.size(); ++half) {
    thin.each_bare(half, [&](std::int64_t i) {
      map.face[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(half / 3 + 1);
    });
  }
}

}  // namespace sinter::texture
