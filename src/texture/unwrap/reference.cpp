#include "texture/unwrap/reference.h"

#include <algorithm>

namespace sinter::texture {

ReferenceTriangle reference_triangle(const std::array<Vec3, 3>& corners) {
  // the longest side lies on the x axis
  std::size_t base = 0;
  double base_length = -1;
  for (std::size_t k = 0; k < 3; ++k) {
    const double side = length(corners[(k + 1) % 3] - corners[k]);
    if (side > base_length) {
      base_length = side;
      base = k;
    }
  }
  const std::size_t b = (base + 1) % 3, top = (base + 2) % 3;
  const Vec3 along = corners[b] - corners[base], up = corners[top] - corners[base];
  constexpr double kMinSide = 1e-12;  // of the surface's extent; keeps the areas normal numbers
  const double x = base_length > kMinSide ? dot(along, up) / base_length : kMinSide / 2;
  const double y = base_length > kMinSide ? length(cross(along, up)) / base_length : kMinSide;
  const double side = std::max(base_length, kMinSide);
  const std::array<Vec2, 3> p = {Vec2{0, 0}, {side, 0}, {x, std::max(y, kMinSliverHeight * side)}};

  ReferenceTriangle reference;
  reference.area = orientation(p[0], p[1], p[2]) / 2;
  reference.gradient[base] = 0.5 * perpendicular(p[2] - p[1]);
  reference.gradient[b] = 0.5 * perpendicular(p[0] - p[2]);
  reference.gradient[top] = 0.5 * perpendicular(p[1] - p[0]);
  return reference;
}

std::vector<ReferenceTriangle> reference_triangles(const Surface& surface, const Chart& chart) {
  std::vector<ReferenceTriangle> reference(chart.faces.size());
  for (std::size_t f = 0; f < reference.size(); ++f) {
    reference[f] = reference_triangle(surface.corners[chart.faces[f]]);
  }
  return reference;
}

ChartStretch measure_stretch(std::span<const ReferenceTriangle> reference, const Chart& chart) {
  ChartStretch stretch;
  stretch.max = 0;
  for (std::size_t f = 0; f < reference.size(); ++f) {
    const Matrix2 j = jacobian_of(reference[f], chart, f);
    const double det = j.determinant(), area = reference[f].area;
    if (det < kMinAreaShare) continue;
    // the inverse map has singular values 1 / s2 >= 1 / s1, with s1 s2 = det, s1^2 + s2^2 = |J|^2
    const double sum = j.squared_norm() / (det * det);
    stretch.area += area;
    stretch.uv_area += area * det;
    stretch.energy += area * sum / 2;
    const double larger = (sum + std::sqrt(std::max(0.0, sum * sum - 4 / (det * det)))) / 2;
    stretch.max = std::max(stretch.max, larger);
  }
  if (stretch.area > 0) stretch.max = std::sqrt(stretch.max * stretch.uv_area / stretch.area);
  return stretch;
}

}  // namespace sinter::texture
