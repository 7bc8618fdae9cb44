#pragma once
// Where the border of a flattened chart crosses itself.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "texture/unwrap/vec.h"

namespace sinter::texture {

/// Pairs of segments between points that cross or touch, as indices into `segments`; a pair can
/// come more than once. Stops after `limit`. Segments that share a point's index are left out.
std::vector<std::array<std::uint32_t, 2>> find_crossings(
    std::span<const Vec2> points,
    std::span<const std::array<std::int32_t, 2>> segments,
    std::size_t limit);

}  // namespace sinter::texture
