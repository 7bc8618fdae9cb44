#pragma once
// Three-component arithmetic in float64, on points that are stored in fp32.

#include <array>
#include <cmath>
#include <cstddef>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

using Vec3d = std::array<double, 3>;

inline Vec3d to_double(const Vec3& p) {
  return {static_cast<double>(p[0]), static_cast<double>(p[1]), static_cast<double>(p[2])};
}
inline Vec3 to_float(const Vec3d& p) {
  return {static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2])};
}
inline Vec3d operator+(const Vec3d& a, const Vec3d& b) {
  return {a[0] + b[0], a[1] + b[1], a[2] + b[2]};
}
inline Vec3d operator-(const Vec3d& a, const Vec3d& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}
inline Vec3d operator*(const Vec3d& a, double s) {
  return {a[0] * s, a[1] * s, a[2] * s};
}
inline double dot(const Vec3d& a, const Vec3d& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
inline Vec3d cross(const Vec3d& a, const Vec3d& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
inline double length(const Vec3d& a) {
  return std::sqrt(dot(a, a));
}

/// Twice the area times the unit normal, counter-clockwise corners facing the viewer.
inline Vec3d area_normal(const Triangle& t) {
  const Vec3d a = to_double(t[0]);
  return cross(to_double(t[1]) - a, to_double(t[2]) - a);
}
inline double triangle_area(const Triangle& t) {
  return 0.5 * length(area_normal(t));
}

}  // namespace sinter::mesh
