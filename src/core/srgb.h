#pragma once
// IEC 61966-2-1, values 0..1.

#include <cmath>

namespace sinter {

inline double linear_from_srgb(double encoded) {
  return encoded <= 0.04045 ? encoded / 12.92 : std::pow((encoded + 0.055) / 1.055, 2.4);
}

}  // namespace sinter
