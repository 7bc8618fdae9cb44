#pragma once
// Affine maps of glTF nodes and 3MF components, in float64.

#include <array>
#include <cmath>

#include "mesh/triangle_mesh.h"

namespace sinter::io {

/// Three rows of four: p' = M p + t.
struct Affine {
  std::array<std::array<double, 4>, 3> rows{{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}};

  bool operator==(const Affine&) const = default;

  /// First `inner`, then this.
  Affine operator*(const Affine& inner) const {
    Affine product;
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 4; ++j) {
        double sum = j == 3 ? rows[i][3] : 0;
        for (std::size_t k = 0; k < 3; ++k) sum += rows[i][k] * inner.rows[k][j];
        product.rows[i][j] = sum;
      }
    }
    return product;
  }
  mesh::Vec3 operator()(const mesh::Vec3& p) const {
    mesh::Vec3 image;
    for (std::size_t i = 0; i < 3; ++i) {
      image[i] = static_cast<float>(rows[i][0] * p[0] + rows[i][1] * p[1] + rows[i][2] * p[2] +
                                    rows[i][3]);
    }
    return image;
  }
  double determinant() const {
    const auto& m = rows;
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
           m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
           m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
  }
};

/// Scale, then rotation by the quaternion (x, y, z, w), then translation. The quaternion is
/// normalised, as files round it; a zero one is no rotation.
inline Affine affine_from_trs(const std::array<double, 3>& translation,
                              const std::array<double, 4>& rotation,
                              const std::array<double, 3>& scale) {
  auto [x, y, z, w] = rotation;
  const double norm = std::sqrt(x * x + y * y + z * z + w * w);
  if (norm > 0) {
    x /= norm, y /= norm, z /= norm, w /= norm;
  } else {
    w = 1;
  }
  const double turn[3][3] = {
      {1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)},
      {2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)},
      {2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)},
  };
  Affine affine;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) affine.rows[i][j] = turn[i][j] * scale[j];
    affine.rows[i][3] = translation[i];
  }
  return affine;
}

/// A normal of the surface that the map moves, of length 1 again: by the cofactors of M, outwards
/// where the map mirrors and faces are turned round.
inline mesh::Vec3 turned_normal(const Affine& affine, const mesh::Vec3& normal) {
  const auto& m = affine.rows;
  const double sign = affine.determinant() < 0 ? -1 : 1;
  std::array<double, 3> turned{};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto &a = m[(i + 1) % 3], &b = m[(i + 2) % 3];
    for (std::size_t j = 0; j < 3; ++j) {
      const std::size_t p = (j + 1) % 3, q = (j + 2) % 3;
      turned[i] += sign * (a[p] * b[q] - a[q] * b[p]) * normal[j];
    }
  }
  const double length = std::hypot(turned[0], turned[1], turned[2]);
  if (!(length > 0)) return normal;
  mesh::Vec3 unit;
  for (std::size_t i = 0; i < 3; ++i) unit[i] = static_cast<float>(turned[i] / length);
  return unit;
}

}  // namespace sinter::io
