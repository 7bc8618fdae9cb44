#include "mesh/axes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "mesh/bvh.h"
#include "mesh/vector_math.h"

namespace sinter::mesh {
namespace {

Vec3d direction(Axis axis) {
  switch (axis) {
    case Axis::x:
      return {1, 0, 0};
    case Axis::y:
      return {0, 1, 0};
    case Axis::z:
      return {0, 0, 1};
    case Axis::minus_x:
      return {-1, 0, 0};
    case Axis::minus_y:
      return {0, -1, 0};
    case Axis::minus_z:
      return {0, 0, -1};
  }
  return {};
}

/// Up, forward and the side that completes a right-handed frame.
struct Frame {
  Vec3d up, forward, side;
  explicit Frame(const Axes& axes)
      : up(direction(axes.up)), forward(direction(axes.forward)), side(cross(up, forward)) {}
};

}  // namespace

void check_axes(const Axes& axes) {
  SINTER_CHECK(dot(direction(axes.up), direction(axes.forward)) == 0,
               ErrorCode::invalid_argument,
               "[axes] up and forward: expected two different axes, got one line for both");
}

void turn(TriangleMesh& mesh, const Axes& from, const Axes& to) {
  check_axes(from);
  check_axes(to);
  if (from == to) return;
  const Frame a(from), b(to);
  for (Vec3& p : mesh.positions) {
    const Vec3 old = p;
    for (std::size_t row = 0; row < 3; ++row) {
      for (std::size_t column = 0; column < 3; ++column) {
        const double turned = b.up[row] * a.up[column] + b.forward[row] * a.forward[column] +
                              b.side[row] * a.side[column];
        // One entry of a row is 1 or -1; picking rather than summing keeps infinities as they are.
        if (turned != 0) p[row] = turned > 0 ? old[column] : -old[column];
      }
    }
  }
}

void scale_longest_side(TriangleMesh& mesh, double length) {
  Box box = Box::empty();
  bool finite = true;
  for (const Vec3& p : mesh.positions) {
    finite = finite && std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2]);
    box.include(p);
  }
  SINTER_CHECK(finite && !mesh.positions.empty(),
               ErrorCode::invalid_argument,
               "[size] mesh: expected finite vertices");
  const Vec3d size = to_double(box.max) - to_double(box.min);
  const double longest = std::max({size[0], size[1], size[2]});
  const double scale = length / longest;
  double farthest = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    farthest = std::max({farthest,
                         std::abs(static_cast<double>(box.min[axis])),
                         std::abs(static_cast<double>(box.max[axis]))});
  }
  SINTER_CHECK(longest > 0 && scale > 0 &&
                   farthest * scale <= static_cast<double>(std::numeric_limits<float>::max()),
               ErrorCode::invalid_argument,
               "[size] mesh: a longest side of ",
               longest,
               " cannot be scaled to ",
               length);
  for (Vec3& p : mesh.positions) p = to_float(to_double(p) * scale);
}

}  // namespace sinter::mesh
