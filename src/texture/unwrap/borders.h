#pragma once
// Better borders between clusters: fewer scraps, shorter lines, along creases where there are any.

#include <cstdint>
#include <span>

#include "texture/unwrap/surface.h"

namespace sinter::texture {

/// Gives every cluster with less than `share` of the mean area to the neighbour it shares the most
/// border with, smallest first. Labels are 0 .. count - 1; returns the new count.
std::int32_t absorb_small_clusters(const Surface& surface,
                                   double share,
                                   std::span<std::int32_t> labels,
                                   std::int32_t count);

/// Moves faces between neighbouring clusters where that makes borders shorter without taking faces
/// far from the mean normal of their cluster. Clusters can fall apart; returns the new count, of
/// connected ones.
std::int32_t smooth_borders(const Surface& surface,
                            double max_deviation,
                            std::span<std::int32_t> labels,
                            std::int32_t count);

}  // namespace sinter::texture
