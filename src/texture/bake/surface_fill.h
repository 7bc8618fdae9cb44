#pragma once
// Colours for what no view shows, along the surface and across the seams of charts.

#include <span>

#include "texture/bake/scatter.h"
#include "texture/bake/texel_map.h"

namespace sinter::texture {

/// Colours every texel that has a face and is not known. Vertices at exactly the same place are
/// one, so seams do not stop it: those near known texels take their colours, the others the mean of
/// their neighbours, weighted by 1 / distance, first outwards and then in sweeps that settle them;
/// texels take what lies between their face's vertices, and near known ones go on from those
/// (border_blend.h). A part of the mesh without a known texel takes the mean colour. Returns the
/// number of texels filled; none is left. `threads` never changes the result.
std::int64_t fill_along_surface(std::span<const mesh::Vec3> positions,
                                std::span<const mesh::Face> faces,
                                const TexelMap& texels,
                                Texture& texture,
                                int threads = 1);

}  // namespace sinter::texture
