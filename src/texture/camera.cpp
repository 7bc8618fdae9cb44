#include "texture/camera.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/error.h"

namespace sinter::texture {
namespace {

using mesh::Vec3d;
using mesh::operator-;
using mesh::operator+;
using mesh::operator*;

/// Share of the picture's half side that the ball takes.
constexpr double kFill = 0.94;

bool finite(const mesh::Vec3& p) {
  return std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2]);
}

}  // namespace

Ball bounding_ball(const mesh::TriangleMesh& mesh) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Vec3d low{kInfinity, kInfinity, kInfinity};
  Vec3d high{-kInfinity, -kInfinity, -kInfinity};
  const auto for_each = [&](auto&& visit) {
    for (const mesh::Face& face : mesh.faces) {
      for (const std::uint32_t v : face) {
        if (finite(mesh.positions[v])) visit(mesh::to_double(mesh.positions[v]));
      }
    }
  };
  for_each([&](const Vec3d& p) {
    for (std::size_t c = 0; c < 3; ++c) {
      low[c] = std::min(low[c], p[c]);
      high[c] = std::max(high[c], p[c]);
    }
  });
  SINTER_CHECK(
      low[0] <= high[0], ErrorCode::invalid_argument, "[render] mesh: no vertex is finite");
  Ball ball{(low + high) * 0.5, 0};
  for_each(
      [&](const Vec3d& p) { ball.radius = std::max(ball.radius, mesh::length(p - ball.centre)); });
  SINTER_CHECK(
      ball.radius > 0, ErrorCode::invalid_argument, "[render] mesh: all vertices are at one point");
  return ball;
}

Camera::Camera(const Ball& ball, double azimuth, double elevation, double field_of_view)
    : target_(ball.centre) {
  const double a = azimuth * std::numbers::pi / 180;
  const double e = elevation * std::numbers::pi / 180;
  const double half = field_of_view * std::numbers::pi / 360;
  right_ = {std::cos(a), 0, -std::sin(a)};
  up_ = {-std::sin(a) * std::sin(e), std::cos(e), -std::cos(a) * std::sin(e)};
  back_ = {std::sin(a) * std::cos(e), std::sin(e), std::cos(a) * std::cos(e)};
  world_up_ = rotate_to_eye({0, 1, 0});
  tangent_ = std::tan(half);
  // The cone that touches the ball has the sine, not the tangent, of its half angle as their ratio.
  distance_ = ball.radius / std::sin(std::atan(tangent_ * kFill));
  near_ = std::max(distance_ - ball.radius * 1.01, distance_ * 1e-3);
  far_ = distance_ + ball.radius * 1.01;
}

Vec3d Camera::rotate_to_eye(const mesh::Vec3& world) const {
  const Vec3d p = mesh::to_double(world);
  return {mesh::dot(right_, p), mesh::dot(up_, p), mesh::dot(back_, p)};
}

Vec3d Camera::to_eye(const mesh::Vec3& world) const {
  const Vec3d p = mesh::to_double(world) - target_;
  return {mesh::dot(right_, p), mesh::dot(up_, p), mesh::dot(back_, p) - distance_};
}

ClipVertex Camera::to_clip(const Vec3d& eye) const {
  const double w = -eye[2];
  const double z = (far_ + near_) / (far_ - near_) * w - 2 * far_ * near_ / (far_ - near_);
  return {static_cast<float>(eye[0] / tangent_),
          static_cast<float>(eye[1] / tangent_),
          static_cast<float>(z),
          static_cast<float>(w)};
}

}  // namespace sinter::texture
