#pragma once
// bake/border_blend.h on the device, with the same bits for the same colours.

#include "texture/bake/border_texels.h"
#include "texture/cuda/chart_seams.h"

namespace sinter::texture::cuda {

/// Texels that are blended, rising.
struct BorderBand {
  DeviceChartSeams seams;
  Array<std::uint32_t> texel;
  Array<Rays> rays;
  Array<SeamPoint> shows;  ///< what those of the margin show
};

/// `texture` before it is filled; `first`: by vertex, the first one at its place. Waits for the
/// device.
BorderBand find_border_band(const Array<mesh::Face>& faces,
                            const Array<std::uint32_t>& first,
                            const DeviceTexelMap& texels,
                            const DeviceTexture& texture,
                            Arena& arena,
                            cudaStream_t stream);

/// Queues. `texture` filled somehow, the other arguments as they were.
void blend_border(const BorderBand& band,
                  const Array<mesh::Face>& faces,
                  const DeviceTexelMap& texels,
                  DeviceTexture& texture,
                  Arena& arena,
                  cudaStream_t stream);

}  // namespace sinter::texture::cuda
