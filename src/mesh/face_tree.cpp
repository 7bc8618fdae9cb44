// Morton, "A Computer Oriented Geodetic Data Base", IBM 1966, for the curve.

#include "mesh/face_tree.h"

#include <algorithm>
#include <utility>

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

}  // namespace

FaceTree::FaceTree(const CollapseMesh& mesh) {
  Box all = Box::empty();
  for (std::uint32_t f = 0; f < mesh.face_slots(); ++f) {
    if (mesh.is_live(f)) all.include(bounding_box(mesh.triangle(f)));
  }
  const Vec3d low = to_double(all.min), size = to_double(all.max) - low;
  const double side = std::max({size[0], size[1], size[2]});
  std::vector<std::pair<std::uint32_t, std::uint32_t>> order;
  for (std::uint32_t f = 0; f < mesh.face_slots(); ++f) {
    if (!mesh.is_live(f)) continue;
    const Triangle t = mesh.triangle(f);
    const Vec3d center = (to_double(t[0]) + to_double(t[1]) + to_double(t[2])) * (1.0 / 3);
    order.emplace_back(curve_position(center, low, side > 0 ? 1023.99 / side : 0), f);
  }
  std::sort(order.begin(), order.end());
  place_.assign(mesh.face_slots(), 0);
  for (const auto& [code, f] : order) {
    place_[f] = static_cast<std::uint32_t>(faces_.size());
    faces_.push_back(f);
  }
  while (leaves_ * kLeafFaces < faces_.size()) leaves_ *= 2;
  boxes_.assign(2 * std::size_t{leaves_}, Box::empty());
  for (std::uint32_t leaf = 0; leaf < leaves_; ++leaf)
    boxes_[leaves_ + leaf] = leaf_box(mesh, leaf);
  for (std::uint32_t node = leaves_ - 1; node > 0; --node) {
    boxes_[node] = boxes_[2 * node];
    boxes_[node].include(boxes_[2 * node + 1]);
  }
}

Box FaceTree::leaf_box(const CollapseMesh& mesh, std::uint32_t leaf) const {
  Box box = Box::empty();
  const std::size_t begin = std::size_t{leaf} * kLeafFaces;
  for (std::size_t n = begin; n < std::min(begin + kLeafFaces, faces_.size()); ++n) {
    if (mesh.is_live(faces_[n])) box.include(bounding_box(mesh.triangle(faces_[n])));
  }
  return box;
}

void FaceTree::update(const CollapseMesh& mesh, std::uint32_t face) {
  const auto leaf = static_cast<std::uint32_t>(place_[face] / kLeafFaces);
  std::uint32_t node = leaves_ + leaf;
  Box box = leaf_box(mesh, leaf);
  while (boxes_[node].min != box.min || boxes_[node].max != box.max) {
    boxes_[node] = box;
    if (node == 1) return;
    node /= 2;
    box = boxes_[2 * node];
    box.include(boxes_[2 * node + 1]);
  }
}

}  // namespace sinter::mesh
