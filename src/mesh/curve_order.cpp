// Morton, "A Computer Oriented Geodetic Data Base", IBM 1966.

#include "mesh/curve_order.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "mesh/bvh.h"
#include "mesh/poll_steps.h"
#include "mesh/vector_math.h"

namespace sinter::mesh {
namespace {

/// Ten bits, two zero bits between each.
std::uint32_t spread_bits(std::uint32_t x) {
  x = (x | (x << 16)) & 0x030000ff;
  x = (x | (x << 8)) & 0x0300f00f;
  x = (x | (x << 4)) & 0x030c30c3;
  return (x | (x << 2)) & 0x09249249;
}

std::uint32_t curve_position(const Vec3d& p, const Vec3d& low, double scale) {
  std::uint32_t code = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double t = std::clamp((p[axis] - low[axis]) * scale, 0.0, 1023.0);
    code |= spread_bits(static_cast<std::uint32_t>(t)) << axis;
  }
  return code;
}

/// (code, index), sorted.
using Order = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

Order vertex_order(const TriangleMesh& mesh) {
  Box box = Box::empty();
  for (const Vec3& p : mesh.positions) box.include(p);
  const Vec3d low = to_double(box.min), size = to_double(box.max) - low;
  const double side = std::max({size[0], size[1], size[2]});
  const double scale = side > 0 ? 1023.99 / side : 0;
  Order order;
  order.reserve(mesh.positions.size());
  for (std::uint32_t v = 0; v < mesh.positions.size(); ++v) {
    order.emplace_back(curve_position(to_double(mesh.positions[v]), low, scale), v);
  }
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace

TriangleMesh in_curve_order(const TriangleMesh& mesh, const std::function<void()>& poll) {
  PollSteps step(poll);
  TriangleMesh result;
  result.positions.reserve(mesh.positions.size());
  std::vector<std::uint32_t> number(mesh.positions.size());
  for (const auto& [code, v] : vertex_order(mesh)) {
    step();
    number[v] = static_cast<std::uint32_t>(result.positions.size());
    result.positions.push_back(mesh.positions[v]);
  }
  Order order;
  order.reserve(mesh.faces.size());
  for (std::uint32_t f = 0; f < mesh.faces.size(); ++f) {
    order.emplace_back(number[mesh.faces[f][0]], f);
  }
  std::sort(order.begin(), order.end());
  result.faces.reserve(mesh.faces.size());
  for (const auto& [first, f] : order) {
    step();
    const Face& face = mesh.faces[f];
    result.faces.push_back({number[face[0]], number[face[1]], number[face[2]]});
  }
  return result;
}

}  // namespace sinter::mesh
