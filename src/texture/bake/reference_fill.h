#pragma once
// The reference's way from a painted texture to a picture, and what it shares with the better one.

#include "texture/bake/bake.h"
#include "texture/bake/scatter.h"
#include "texture/bake/texel_map.h"

namespace sinter::texture {

/// Rounded, or cut off as the reference stores it.
Image to_image(const Texture& texture, bool cut_off, int threads);
/// Texels that show a face and have a colour.
std::int64_t count_known(const Texture& texture, const TexelMap& texels);

/// From vertex to vertex, then in the plane up to kGutter texels beyond the charts, and along the
/// surface in charts that neither reaches. `texels`: of TexelGrid::corners, without a margin.
/// Counts go to `report`.
Image fill_by_reference(const BakeTarget& target,
                        const TexelMap& texels,
                        Texture texture,
                        int threads,
                        BakeReport& report);

}  // namespace sinter::texture
