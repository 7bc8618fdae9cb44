#pragma once
// A perspective camera that circles a mesh.

#include <vector>

#include "mesh/triangle_mesh.h"
#include "mesh/vector_math.h"
#include "texture/rasterizer.h"

namespace sinter::texture {

/// Ball around a mesh: the centre of its bounding box and the largest distance from it.
struct Ball {
  mesh::Vec3d centre{};
  double radius = 0;
};

/// Of the finite vertices that faces use. Raises invalid_argument where there is none or all
/// coincide.
Ball bounding_ball(const mesh::TriangleMesh& mesh);

/// Looks at the centre of a ball from a distance at which the whole ball is in the picture. Eye
/// space: x right, y up, z towards the viewer.
class Camera {
 public:
  /// Angles in degrees: azimuth around +Y from +Z towards +X, elevation above the horizon.
  Camera(const Ball& ball, double azimuth, double elevation, double field_of_view);

  mesh::Vec3d to_eye(const mesh::Vec3& world) const;
  /// Direction only.
  mesh::Vec3d rotate_to_eye(const mesh::Vec3& world) const;
  ClipVertex to_clip(const mesh::Vec3d& eye) const;
  /// The point of the picture plane at depth 1 behind a place in the picture; x, y of its upper
  /// left corner are 0, of its lower right corner 1.
  mesh::Vec3d ray(double x, double y) const {
    return {(2 * x - 1) * tangent_, (1 - 2 * y) * tangent_, -1};
  }
  /// Of the picture's half side, in units of depth 1.
  double tangent() const { return tangent_; }
  /// World "up" in eye space.
  const mesh::Vec3d& up() const { return world_up_; }

 private:
  mesh::Vec3d target_, right_, up_, back_, world_up_;
  double distance_ = 0, near_ = 0, far_ = 0, tangent_ = 0;
};

}  // namespace sinter::texture
