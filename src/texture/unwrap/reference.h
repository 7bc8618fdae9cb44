#pragma once
// A face laid flat at its true size: what a chart's map is measured against.

#include <array>
#include <span>
#include <vector>

#include "texture/unwrap/chart.h"

namespace sinter::texture {

struct Matrix2 {
  double xx = 0, xy = 0, yx = 0, yy = 0;
  double determinant() const { return xx * yy - xy * yx; }
  double squared_norm() const { return xx * xx + xy * xy + yx * yx + yy * yy; }
};

struct ReferenceTriangle {
  /// Of the face; slivers count as if they were a little wider, so that no angle is zero.
  double area = 0;
  /// By corner: gradient of the linear function that is 1 there and 0 at the other corners, times
  /// the area.
  std::array<Vec2, 3> gradient;

  /// Of the linear map from the face to the triangle p.
  Matrix2 jacobian(Vec2 p0, Vec2 p1, Vec2 p2) const {
    const double s = 1 / area;
    return {s * (p0.x * gradient[0].x + p1.x * gradient[1].x + p2.x * gradient[2].x),
            s * (p0.x * gradient[0].y + p1.x * gradient[1].y + p2.x * gradient[2].y),
            s * (p0.y * gradient[0].x + p1.y * gradient[1].x + p2.y * gradient[2].x),
            s * (p0.y * gradient[0].y + p1.y * gradient[1].y + p2.y * gradient[2].y)};
  }
};

/// Height of the narrowest triangle over its longest side; thinner ones are widened to this.
constexpr double kMinSliverHeight = 1e-4;
/// Faces whose area shrinks to less than this share count as mirrored: too near to it to be told
/// apart once coordinates are rounded.
constexpr double kMinAreaShare = 1e-3;

ReferenceTriangle reference_triangle(const std::array<Vec3, 3>& corners);

/// By face of the chart.
std::vector<ReferenceTriangle> reference_triangles(const Surface& surface, const Chart& chart);

/// Map of face f of the chart.
inline Matrix2 jacobian_of(const ReferenceTriangle& reference, const Chart& chart, std::size_t f) {
  const auto& c = chart.corners[f];
  return reference.jacobian(chart.uv[static_cast<std::size_t>(c[0])],
                            chart.uv[static_cast<std::size_t>(c[1])],
                            chart.uv[static_cast<std::size_t>(c[2])]);
}

inline bool is_mirrored(const ReferenceTriangle& reference, const Chart& chart, std::size_t f) {
  return !(jacobian_of(reference, chart, f).determinant() >= kMinAreaShare);
}

/// Stretch of the chart's present uv; faces that count as mirrored are left out.
ChartStretch measure_stretch(std::span<const ReferenceTriangle> reference, const Chart& chart);

}  // namespace sinter::texture
