#pragma once
// bake/surface_fill.h on the device.

#include "texture/cuda/texture.h"

namespace sinter::texture::cuda {

/// Colours every texel that has a face and is not known, as texture::fill_along_surface() does. The
/// sums over texels, in float64, have another order than the host's, but always the same one:
/// results of two runs are equal, and those of both devices but for the last bit of a float now and
/// then. Waits for the device.
void fill_along_surface(const Array<mesh::Vec3>& positions,
                        const Array<mesh::Face>& faces,
                        const DeviceTexelMap& texels,
                        DeviceTexture& texture,
                        Arena& arena,
                        cudaStream_t stream);

}  // namespace sinter::texture::cuda
