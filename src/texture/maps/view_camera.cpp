#include "texture/maps/view_camera.h"

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "mesh/vector_math.h"

namespace sinter {

std::vector<ViewCamera> default_cameras() {
  constexpr double kViews[6][3] = {// azimuth, elevation, weight
                                   {0, 0, 1},
                                   {90, 0, 0.1},
                                   {180, 0, 0.5},
                                   {270, 0, 0.1},
                                   {0, 90, 0.05},
                                   {180, -90, 0.05}};
  std::vector<ViewCamera> cameras;
  for (const auto& [azimuth, elevation, weight] : kViews) {
    cameras.push_back({.azimuth = azimuth, .elevation = elevation, .weight = weight});
  }
  return cameras;
}

}  // namespace sinter

namespace sinter::texture {
namespace {

using mesh::Vec3d;
using mesh::operator*;

double radians(double degrees) {
  return degrees * std::numbers::pi / 180;
}

std::array<std::array<float, 4>, 4> orthographic(const ViewCamera& camera) {
  const double depth = camera.far_plane - camera.near_plane;
  const auto side = static_cast<float>(2 / camera.scale);
  return {{{side, 0, 0, 0},
           {0, side, 0, 0},
           {0,
            0,
            static_cast<float>(-2 / depth),
            static_cast<float>(-(camera.far_plane + camera.near_plane) / depth)},
           {0, 0, 0, 1}}};
}

std::array<std::array<float, 4>, 4> perspective(const ViewCamera& camera) {
  const double near = camera.near_plane, far = camera.far_plane;
  const auto side = static_cast<float>(1 / std::tan(radians(camera.field_of_view) / 2));
  return {{{side, 0, 0, 0},
           {0, side, 0, 0},
           {0,
            0,
            static_cast<float>((far + near) / (near - far)),
            static_cast<float>(2 * far * near / (near - far))},
           {0, 0, -1, 0}}};
}

}  // namespace

void check_camera(const ViewCamera& camera, std::size_t number) {
  const auto check = [&](const char* what, double value, double low, double high) {
    SINTER_CHECK(value >= low && value <= high,
                 ErrorCode::invalid_argument,
                 "[camera ",
                 number,
                 "] ",
                 what,
                 ": expected ",
                 low,
                 "..",
                 high,
                 ", got ",
                 value);
  };
  check("azimuth", camera.azimuth, -720, 720);
  check("elevation", camera.elevation, -90, 90);
  check("distance", camera.distance, 0.6, 50);
  check("scale", camera.scale, 0.01, 100);
  check("field of view", camera.field_of_view, 1, 170);
  check("near", camera.near_plane, 1e-6, 1e6);
  check("far", camera.far_plane, camera.near_plane, 1e6);
  check("weight", camera.weight, 0, 1000);
  SINTER_CHECK(camera.far_plane > camera.near_plane,
               ErrorCode::invalid_argument,
               "[camera ",
               number,
               "] far: expected more than near, got ",
               camera.far_plane);
}

CameraMatrices camera_matrices(const ViewCamera& camera) {
  const double e = radians(-camera.elevation);
  const double a = radians(camera.azimuth + 90);
  // The camera is at distance * back. To the right of it is back turned by a quarter about the
  // vertical axis, which holds at the poles too, where a cross product with that axis is zero.
  const Vec3d back = {std::cos(e) * std::cos(a), std::cos(e) * std::sin(a), std::sin(e)};
  const Vec3d right = {-std::sin(a), std::cos(a), 0};
  const Vec3d up = mesh::cross(right, back * -1);
  CameraMatrices matrices;
  const Vec3d* rows[3] = {&right, &up, &back};
  for (std::size_t i = 0; i < 3; ++i) {
    const Vec3d& row = *rows[i];
    matrices.view[i] = {static_cast<float>(row[0]),
                        static_cast<float>(row[1]),
                        static_cast<float>(row[2]),
                        static_cast<float>(-camera.distance * mesh::dot(row, back))};
  }
  matrices.projection = camera.perspective ? perspective(camera) : orthographic(camera);
  return matrices;
}

}  // namespace sinter::texture
