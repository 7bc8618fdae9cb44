#pragma once
// bake/texel_map.h and the texture in the making, on the device.

#include "texture/bake/scatter.h"
#include "texture/bake/texel_map.h"
#include "texture/cuda/face_raster.h"

namespace sinter::texture::cuda {

/// TexelMap.
struct DeviceTexelMap {
  DeviceRaster raster;
  Array<std::int32_t> face;  ///< by texel, with the margin
};

/// Texture.
struct DeviceTexture {
  int size = 0;
  Array<std::array<float, 3>> colour;
  Array<std::uint8_t> known;
};

/// What texture::map_texels() makes of the same values. Queued.
DeviceTexelMap map_texels(const Array<std::array<float, 2>>& uv,
                          const Array<mesh::Face>& faces,
                          int size,
                          TexelGrid grid,
                          int margin,
                          Arena& arena,
                          cudaStream_t stream);

/// Queues texture::reach_thin_faces().
void reach_thin_faces(const Array<mesh::Face>& faces,
                      DeviceTexelMap& map,
                      Arena& arena,
                      cudaStream_t stream);

/// Queues texture::grow(). `colours` of texels that are reached become those of their sources; may
/// be null.
void grow(Array<std::int32_t>& face,
          int size,
          int rounds,
          std::array<float, 3>* colours,
          Arena& arena,
          cudaStream_t stream);

struct TexelCounts {
  unsigned long long shown;  ///< texels that show a face
  unsigned long long known;  ///< of those, that have a colour
};

/// Waits. `face`: DeviceTexelMap's, with the margin or without. `seen`, by texel, may be null: 1
/// where it shows a face and has a colour.
TexelCounts count_texels(const Array<std::int32_t>& face,
                         const DeviceTexture& texture,
                         std::uint8_t* seen,
                         Arena& arena,
                         cudaStream_t stream);

}  // namespace sinter::texture::cuda
