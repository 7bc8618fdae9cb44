// I. Sutherland and G. Hodgman, "Reentrant Polygon Clipping", Communications of the ACM 17, 1974,
// in homogeneous coordinates.

#include "texture/clip.h"

#include <cmath>

namespace sinter::texture {
namespace {

constexpr int kPlanes = 6;
constexpr double kSmallestW = 1e-60;

/// Positive on the inner side of a plane.
double distance(const ClipCorner& corner, int plane) {
  const auto& p = corner.position;
  switch (plane) {
    case 0:
      return p.w + p.z;
    case 1:
      return p.w - p.z;
    case 2:
      return kGuardBand * p.w + p.x;
    case 3:
      return kGuardBand * p.w - p.x;
    case 4:
      return kGuardBand * p.w + p.y;
    default:
      return kGuardBand * p.w - p.y;
  }
}

/// The point of the edge on the plane. Always computed from the inner end, so that the two faces of
/// an edge, which run along it in opposite directions, get the same bits.
ClipCorner cut(const ClipCorner& inner,
               const ClipCorner& outer,
               double inner_distance,
               double outer_distance) {
  const double t = inner_distance / (inner_distance - outer_distance);
  const auto mix = [t](double from, double to) { return from + t * (to - from); };
  const auto& a = inner.position;
  const auto& b = outer.position;
  return {{mix(a.x, b.x), mix(a.y, b.y), mix(a.z, b.z), mix(a.w, b.w)},
          {mix(inner.weights[0], outer.weights[0]), mix(inner.weights[1], outer.weights[1])}};
}

void clip_plane(ClippedFace& polygon, int plane) {
  ClippedFace kept;
  for (int i = 0; i < polygon.count; ++i) {
    const ClipCorner& here = polygon.corners[static_cast<std::size_t>(i)];
    const ClipCorner& next = polygon.corners[static_cast<std::size_t>((i + 1) % polygon.count)];
    const double here_distance = distance(here, plane);
    const double next_distance = distance(next, plane);
    const bool here_inside = here_distance >= 0;
    const bool next_inside = next_distance >= 0;
    if (here_inside) kept.corners[static_cast<std::size_t>(kept.count++)] = here;
    if (here_inside == next_inside) continue;
    kept.corners[static_cast<std::size_t>(kept.count++)] =
        here_inside ? cut(here, next, here_distance, next_distance)
                    : cut(next, here, next_distance, here_distance);
  }
  polygon = kept;
}

bool finite(const ClipVertex& v) {
  return std::isfinite(v.x) && std::isfinite(v.y) && std::isfinite(v.z) && std::isfinite(v.w);
}

}  // namespace

ClippedFace clip_face(const ClipVertex& a, const ClipVertex& b, const ClipVertex& c) {
  ClippedFace polygon;
  if (!finite(a) || !finite(b) || !finite(c)) return polygon;
  polygon.corners[0] = {{a.x, a.y, a.z, a.w}, {0, 0}};
  polygon.corners[1] = {{b.x, b.y, b.z, b.w}, {1, 0}};
  polygon.corners[2] = {{c.x, c.y, c.z, c.w}, {0, 1}};
  polygon.count = 3;
  for (int plane = 0; plane < kPlanes && polygon.count > 0; ++plane) {
    int outside = 0;
    for (int i = 0; i < polygon.count; ++i) {
      outside += distance(polygon.corners[static_cast<std::size_t>(i)], plane) < 0;
    }
    if (outside == polygon.count) {
      polygon.count = 0;
    } else if (outside > 0) {
      clip_plane(polygon, plane);
    }
  }
  // What is left has w > 0 but for the apex of the view volume, where all coordinates are 0. The
  // smallest positive float is 1e-45.
  for (int i = 0; i < polygon.count; ++i) {
    if (!(polygon.corners[static_cast<std::size_t>(i)].position.w > kSmallestW)) polygon.count = 0;
  }
  return polygon;
}

}  // namespace sinter::texture
