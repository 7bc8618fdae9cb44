#pragma once
// The cameras of the texture pipeline, as matrices.
//
// Inner space is the mesh's turned and mirrored: X = -x, Y = z, Z = -y (Z up, determinant -1; the
// reflection is what makes a map's rows run downwards without a flip). Conventions are those of
// Hunyuan3D-2, hy3dgen/texgen/differentiable_renderer/camera_utils.py.

#include <algorithm>
#include <array>
#include <cmath>

#include "core/both_sides.h"
#include "mesh/triangle_mesh.h"
#include "sinter/texture.h"
#include "texture/rasterizer.h"

namespace sinter::texture {

/// Largest distance of a vertex from the centre in inner space.
inline constexpr double kInnerRadius = 1.15 / 2;

/// Raises "[camera 3] elevation: expected -90..90, got 91".
void check_camera(const ViewCamera& camera, std::size_t number);

struct CameraMatrices {
  /// Rows right, up, backwards, each with its translation: inner space to camera space, in which
  /// what is seen has negative z.
  std::array<std::array<float, 4>, 3> view;
  /// Camera space to clip space.
  std::array<std::array<float, 4>, 4> projection;

  SINTER_BOTH_SIDES mesh::Vec3 to_camera(const mesh::Vec3& inner) const {
    mesh::Vec3 result{};
    for (std::size_t i = 0; i < 3; ++i) result[i] = product(view[i], inner) + view[i][3];
    return result;
  }
  SINTER_BOTH_SIDES ClipVertex to_clip(const mesh::Vec3& camera) const {
    std::array<float, 4> clip{};
    for (std::size_t i = 0; i < 4; ++i) clip[i] = product(projection[i], camera) + projection[i][3];
    return {clip[0], clip[1], clip[2], clip[3]};
  }
  /// A direction.
  SINTER_BOTH_SIDES mesh::Vec3 turn(const mesh::Vec3& inner) const {
    return {product(view[0], inner), product(view[1], inner), product(view[2], inner)};
  }

 private:
  SINTER_BOTH_SIDES static float product(const std::array<float, 4>& row, const mesh::Vec3& p) {
    return row[0] * p[0] + row[1] * p[1] + row[2] * p[2];
  }
};

/// Cosine between a turned, inward normal and the way back to the camera's plane.
SINTER_BOTH_SIDES inline float facing(const mesh::Vec3& n) {
  const float length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
  return -n[2] / std::max(length, 1e-8f);
}

/// Computed in float64 and rounded once.
CameraMatrices camera_matrices(const ViewCamera& camera);

}  // namespace sinter::texture
