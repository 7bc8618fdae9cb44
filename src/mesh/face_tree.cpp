#include "mesh/face_tree.h"

#include <algorithm>

namespace sinter::mesh {

FaceTree::Node::Node() {
  for (std::uint32_t child = 0; child < 4; ++child) set(child, Box::empty());
}

void FaceTree::Node::set(std::uint32_t child, const Box& box) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    min[axis][child] = box.min[axis];
    max[axis][child] = box.max[axis];
  }
}

bool FaceTree::Node::holds(std::uint32_t child, const Box& box) const {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (min[axis][child] != box.min[axis] || max[axis][child] != box.max[axis]) return false;
  }
  return true;
}

Box FaceTree::Node::all() const {
  Box box;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    box.min[axis] = *std::min_element(min[axis].begin(), min[axis].end());
    box.max[axis] = *std::max_element(max[axis].begin(), max[axis].end());
  }
  return box;
}

FaceTree::FaceTree(const CollapseMesh& mesh) : places_(mesh.face_slots()) {
  for (std::uint32_t f = 0; f < mesh.face_slots(); ++f) {
    if (!mesh.is_live(f)) continue;
    places_[f] = static_cast<std::uint32_t>(faces_.size());
    faces_.push_back(f);
  }
  std::size_t children = faces_.size(), count = 0;
  do {
    children = std::max<std::size_t>((children + 3) / 4, 1);
    levels_.push_back(count);
    count += children;
  } while (children > 1);
  nodes_.resize(count);
  for (std::uint32_t place = 0; place < faces_.size(); ++place) {
    nodes_[place / 4].set(place % 4, bounding_box(mesh.triangle(faces_[place])));
  }
  for (std::size_t level = 1; level < levels_.size(); ++level) {
    const std::size_t below = levels_[level] - levels_[level - 1];
    for (std::uint32_t n = 0; n < below; ++n) {
      nodes_[levels_[level] + n / 4].set(n % 4, nodes_[levels_[level - 1] + n].all());
    }
  }
}

void FaceTree::update(const CollapseMesh& mesh, std::uint32_t face) {
  Box box = mesh.is_live(face) ? bounding_box(mesh.triangle(face)) : Box::empty();
  std::uint32_t child = places_[face];
  for (const std::size_t level : levels_) {
    Node& node = nodes_[level + child / 4];
    if (node.holds(child % 4, box)) return;
    node.set(child % 4, box);
    box = node.all();
    child /= 4;
  }
}

}  // namespace sinter::mesh
