#pragma once
// Faces without order, for rasterisers.

#include <cmath>
#include <limits>
#include <vector>

#include "texture/rasterizer.h"
#include "texture/test_meshes.h"

namespace sinter::texture::test {

struct Soup {
  std::vector<ClipVertex> vertices;
  std::vector<mesh::Face> faces;
};

enum class Kind { small, large, slivers, on_pixel_centres, stacked, broken };

/// Every fifth vertex or so.
inline void damage(Random& random, float& x, float& w) {
  switch (random.next() % 24) {
    case 0:
      w = -w;
      break;
    case 1:
      w = 0;
      break;
    case 2:
      x = std::numeric_limits<float>::quiet_NaN();
      break;
    case 3:
      x = std::numeric_limits<float>::infinity();
      break;
    case 4:
      x *= 1e5f;
      break;
    case 5:
      x *= 1e12f;
      break;
    default:
      break;
  }
}

/// Faces anywhere on, across and beyond the picture. `stacked`: many at the same few depths;
/// `broken`: some vertices behind the eye, not finite, or so far away that faces are huge.
inline Soup soup(Kind kind, bool perspective, int count, Random& random) {
  Soup result;
  for (int f = 0; f < count; ++f) {
    const float x = random.range(-1.2f, 1.2f), y = random.range(-1.2f, 1.2f);
    const float size = kind == Kind::small ? 0.05f : kind == Kind::stacked ? 0.4f : 1.5f;
    const float depth =
        kind == Kind::stacked ? std::floor(random.range(0, 3)) * 1e-5f : random.range(-1.1f, 0.9f);
    for (int k = 0; k < 3; ++k) {
      float cx = x + random.range(-size, size), cy = y + random.range(-size, size);
      if (kind == Kind::slivers && k == 2) {
        // On the line between the other two, but for a hair.
        const ClipVertex &a = result.vertices.end()[-2], &b = result.vertices.back();
        const float t = random.range(-0.2f, 1.2f), hair = random.range(-1e-4f, 1e-4f);
        cx = a.x / a.w + t * (b.x / b.w - a.x / a.w) + hair;
        cy = a.y / a.w + t * (b.y / b.w - a.y / a.w);
      }
      if (kind == Kind::on_pixel_centres) {
        // Align-corners: -1 and 1 are the centres of the first and last pixel of 65.
        cx = std::floor(cx * 32) / 32;
        cy = std::floor(cy * 32) / 32;
      }
      float w = perspective ? random.range(0.2f, 5.0f) : 1.0f;
      if (kind == Kind::broken) damage(random, cx, w);
      const float z = kind == Kind::stacked ? depth : depth + random.range(-0.1f, 0.1f);
      result.vertices.push_back({cx * w, cy * w, z * w, w});
    }
    const auto first = static_cast<std::uint32_t>(3 * f);
    result.faces.push_back({first, first + 1, first + 2});
    // Now and then the same face again, either way round, and one without area.
    if (f % 7 == 3) result.faces.push_back({first + 2, first + 1, first});
    if (f % 11 == 5) result.faces.push_back({first, first, first + 1});
  }
  return result;
}

}  // namespace sinter::texture::test
