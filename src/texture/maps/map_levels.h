#pragma once
// From values to the levels of maps, for the host and for kernels.

#include <algorithm>
#include <cstdint>

#include "core/both_sides.h"

namespace sinter::texture {

/// Depths that differ by less, in units of inner space, are one.
inline constexpr float kFlat = 1e-5f;

/// Trunc(255 value) within 0..255.
SINTER_BOTH_SIDES inline std::uint8_t level(float value) {
  const float scaled = 255.0f * value;
  return static_cast<std::uint8_t>(scaled > 0 ? (scaled < 255 ? scaled : 255.0f) : 0.0f);
}

/// Of a texture: 255 value cut off, as the reference stores it, or rounded.
SINTER_BOTH_SIDES inline std::uint8_t texture_level(float value, bool cut_off) {
  const float scaled = std::clamp(value, 0.0f, 1.0f) * 255;
  return static_cast<std::uint8_t>(cut_off ? scaled : scaled + 0.5f);
}

}  // namespace sinter::texture
