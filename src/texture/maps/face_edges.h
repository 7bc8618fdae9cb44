#pragma once
// The rules of face_raster.h, pixel by pixel, for the host and for kernels.
//
// Source of the rules: Hunyuan3D-2, hy3dgen/texgen/custom_rasterizer. With clip coordinates
// (X, Y, Z, W) in fp32, every operation rounded to fp32 unless said otherwise:
//   sx = (X/W 0.5 + 0.5)(width - 1) + 0.5,  sy alike,  sz = Z/W 0.49999 + 0.5
//   pixel (x, y) is sampled at (x + 0.5, y + 0.5), in columns trunc(min sx) <= x < max sx + 1
//   E(a, b, c) = (c.x - a.x)(b.y - a.y) - (b.x - a.x)(c.y - a.y)
//   beta = E(a,p,c) (1/E(a,b,c)),  gamma = E(a,b,p) (1/E(a,b,c)),  alpha = 1 - beta - gamma in
//   float64, rounded; covered where all three are in [0, 1], both windings, no clipping
//   depth = alpha sz_a + beta sz_b + gamma sz_c >= 0, in steps of 2^-18, cut off
// A pixel shows the face with the least pair (depth step, face index). Rows and columns grow with
// clip y and x: row 0 is Y/W = -1.
//
// The minimum of pairs knows no order, so faces may be drawn in any order and by any number of
// threads, on any device, with the same result bit for bit, as long as products are not fused with
// sums.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "core/both_sides.h"
#include "mesh/triangle_mesh.h"
#include "texture/rasterizer.h"

namespace sinter::texture {

inline constexpr float kDepthSteps = 262144.0f;  // 2^18
inline constexpr float kDepthLimit = 8192.0f;    // 2^31 / kDepthSteps

/// A vertex on the picture.
struct ScreenPoint {
  float x, y, z, w;
  bool operator==(const ScreenPoint&) const = default;
};

SINTER_BOTH_SIDES inline ScreenPoint to_screen(const ClipVertex& v, int width, int height) {
  return {(v.x / v.w * 0.5f + 0.5f) * static_cast<float>(width - 1) + 0.5f,
          (0.5f + 0.5f * (v.y / v.w)) * static_cast<float>(height - 1) + 0.5f,
          v.z / v.w * 0.49999f + 0.5f,
          v.w};
}

/// Whether faces with this vertex are drawn.
SINTER_BOTH_SIDES inline bool usable(const ScreenPoint& p) {
  constexpr float kFar = 1e9f;  // areas stay far from overflow
  return std::abs(p.x) <= kFar && std::abs(p.y) <= kFar && std::isfinite(p.z) && p.w > 0 &&
         std::isfinite(p.w);
}

/// Pixels that the rules look at; none where begin >= end.
struct PixelBox {
  std::int32_t x_begin = 0, x_end = 0, y_begin = 0, y_end = 0;
  SINTER_BOTH_SIDES bool empty() const { return x_begin >= x_end || y_begin >= y_end; }
};

/// First pixel: the coordinate cut off towards zero, not below 0.
SINTER_BOTH_SIDES inline std::int32_t first_pixel(float low, int side) {
  return static_cast<std::int32_t>(std::clamp(low, 0.0f, static_cast<float>(side)));
}
/// One past the last pixel below high + 1.
SINTER_BOTH_SIDES inline std::int32_t end_pixel(float high, int side) {
  const float bound = high + 1.0f;
  return static_cast<std::int32_t>(std::ceil(std::clamp(bound, 0.0f, static_cast<float>(side))));
}

SINTER_BOTH_SIDES inline PixelBox pixel_box(
    const ScreenPoint& a, const ScreenPoint& b, const ScreenPoint& c, int width, int height) {
  if (!usable(a) || !usable(b) || !usable(c)) return {};
  return {first_pixel(std::min(a.x, std::min(b.x, c.x)), width),
          end_pixel(std::max(a.x, std::max(b.x, c.x)), width),
          first_pixel(std::min(a.y, std::min(b.y, c.y)), height),
          end_pixel(std::max(a.y, std::max(b.y, c.y)), height)};
}

/// Linear on the picture, of a face's three vertices.
struct ScreenWeights {
  float alpha, beta, gamma;
};

/// What the rules need to know of a face.
struct FaceEdges {
  float ax, ay, abx, aby, acx, acy;
  float inverse_area;  ///< infinite where the face has none: no pixel is covered then

  SINTER_BOTH_SIDES FaceEdges(const ScreenPoint& a, const ScreenPoint& b, const ScreenPoint& c)
      : ax(a.x), ay(a.y), abx(b.x - a.x), aby(b.y - a.y), acx(c.x - a.x), acy(c.y - a.y) {
    // E(a, b, c); 1 / x in float64, rounded to fp32, is 1 / x in fp32
    inverse_area = 1.0f / (acx * aby - abx * acy);
  }
  /// At the point (px, py); any value where the face has no area.
  SINTER_BOTH_SIDES ScreenWeights at(float px, float py) const {
    const float dx = px - ax, dy = py - ay;
    const float beta = (acx * dy - dx * acy) * inverse_area;
    const float gamma = (dx * aby - abx * dy) * inverse_area;
    return {static_cast<float>(1.0 - static_cast<double>(beta) - static_cast<double>(gamma)),
            beta,
            gamma};
  }
};

/// Where fp32 cannot find a pixel of a face covered, in the arithmetic of the plane: beta, gamma
/// and area - beta - gamma, times the area's sign, are all above -slack at what is covered.
struct CoverageBound {
  double sign, area, slack;

  SINTER_BOTH_SIDES explicit CoverageBound(const FaceEdges& edges) {
    // E has two products of two differences; seven roundings of 2^-24 each, of at most this
    // product.
    const double width =
        static_cast<double>(std::max(std::abs(edges.abx), std::abs(edges.acx))) + 2;
    const double height =
        static_cast<double>(std::max(std::abs(edges.aby), std::abs(edges.acy))) + 2;
    sign = edges.inverse_area < 0 ? -1 : 1;
    area = std::abs(1.0 / static_cast<double>(edges.inverse_area));
    slack = (3 * width * height + area) * 0x1p-20;
  }
};

/// Perspective-correct weights of the vertices of `face` at pixel (x, y), which shows that face:
/// b_i = (s_i / W_i) / sum_j (s_j / W_j). Not stored: they are cheaper to compute than to fetch.
SINTER_BOTH_SIDES inline std::array<float, 3> barycentrics(const FaceEdges& edges,
                                                           const ScreenPoint& a,
                                                           const ScreenPoint& b,
                                                           const ScreenPoint& c,
                                                           int x,
                                                           int y) {
  const ScreenWeights s = edges.at(static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f);
  const float u = s.alpha / a.w, v = s.beta / b.w, w = s.gamma / c.w;
  const float sum = u + v + w;
  return {u / sum, v / sum, w / sum};
}

/// sum_k weights[k] values[face[k]]
SINTER_BOTH_SIDES inline float interpolate(const float* values,
                                           const mesh::Face& face,
                                           const std::array<float, 3>& weights) {
  return weights[0] * values[face[0]] + weights[1] * values[face[1]] + weights[2] * values[face[2]];
}

/// The same, component by component.
SINTER_BOTH_SIDES inline mesh::Vec3 interpolate(const mesh::Vec3* values,
                                                const mesh::Face& face,
                                                const std::array<float, 3>& weights) {
  const mesh::Vec3 &a = values[face[0]], &b = values[face[1]], &c = values[face[2]];
  mesh::Vec3 result{};
  for (std::size_t i = 0; i < 3; ++i) {
    result[i] = weights[0] * a[i] + weights[1] * b[i] + weights[2] * c[i];
  }
  return result;
}

}  // namespace sinter::texture
