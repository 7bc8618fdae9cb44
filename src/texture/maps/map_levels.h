#pragma once
// From values to the levels of maps, for the host and for kernels.

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

}  // namespace sinter::texture
