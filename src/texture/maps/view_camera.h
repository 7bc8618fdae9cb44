#pragma once
// The cameras of the texture pipeline, as matrices.
//
// Inner space is the mesh's turned and mirrored: X = -x, Y = z, Z = -y (Z up, determinant -1; the
// reflection is what makes a map's rows run downwards without a flip). Conventions are those of
// Hunyuan3D-2, hy3dgen/texgen/differentiable_renderer/camera_utils.py.

#include <array>

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

  mesh::Vec3 to_camera(const mesh::Vec3& inner) const;
  ClipVertex to_clip(const mesh::Vec3& camera) const;
};

/// Computed in float64 and rounded once.
CameraMatrices camera_matrices(const ViewCamera& camera);

}  // namespace sinter::texture
