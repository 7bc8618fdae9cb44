#include "texture/unwrap/surface.h"

#include <algorithm>
#include <limits>

#include "cpu/threads.h"

namespace sinter::texture {
namespace {

Vec3 to_vec(const mesh::Vec3& p) {
  return {p[0], p[1], p[2]};
}

struct Box {
  Vec3 low, high;
};

Box bounding_box(const mesh::TriangleMesh& mesh) {
  constexpr double kFar = std::numeric_limits<double>::max();
  Box box{{kFar, kFar, kFar}, {-kFar, -kFar, -kFar}};
  for (const mesh::Face& face : mesh.faces) {
    for (const std::uint32_t v : face) {
      const Vec3 p = to_vec(mesh.positions[v]);
      box.low = {std::min(box.low.x, p.x), std::min(box.low.y, p.y), std::min(box.low.z, p.z)};
      box.high = {std::max(box.high.x, p.x), std::max(box.high.y, p.y), std::max(box.high.z, p.z)};
    }
  }
  return box;
}

}  // namespace

Surface build_surface(const mesh::TriangleMesh& mesh, int threads) {
  Surface surface;
  surface.topology = build_topology(mesh);
  const Box box = bounding_box(mesh);
  const Vec3 middle = 0.5 * (box.low + box.high);
  const double extent = length(box.high - box.low);
  const std::size_t faces = mesh.faces.size();
  surface.corners.resize(faces);
  surface.normal.resize(faces);
  surface.area.resize(faces);

  // first with the extent as the unit, so that no square under- or overflows
  const double coarse = extent > 0 ? extent : 1;
  cpu::parallel_ranges(threads, static_cast<std::int64_t>(faces), [&](auto begin, auto end, int) {
    for (auto f = static_cast<std::size_t>(begin); f < static_cast<std::size_t>(end); ++f) {
      auto& corners = surface.corners[f];
      for (std::size_t k = 0; k < 3; ++k) {
        corners[k] = (1 / coarse) * (to_vec(mesh.positions[mesh.faces[f][k]]) - middle);
      }
      const Vec3 n = cross(corners[1] - corners[0], corners[2] - corners[0]);
      const double twice_area = length(n);
      surface.area[f] = surface.topology.collapsed[f] ? 0 : twice_area / 2;
      surface.normal[f] = surface.area[f] > 0 ? (1 / twice_area) * n : Vec3{};
    }
  });
  double total = 0;
  for (const double area : surface.area) total += area;
  const double side = total > 0 ? std::sqrt(total) : 1;
  surface.unit = coarse * side;
  cpu::parallel_ranges(threads, static_cast<std::int64_t>(faces), [&](auto begin, auto end, int) {
    for (auto f = static_cast<std::size_t>(begin); f < static_cast<std::size_t>(end); ++f) {
      for (Vec3& p : surface.corners[f]) p = (1 / side) * p;
      surface.area[f] /= side * side;
    }
  });
  return surface;
}

}  // namespace sinter::texture
