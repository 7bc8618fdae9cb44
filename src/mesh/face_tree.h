#pragma once
// Bounding boxes over faces that move, grow and vanish: a complete binary tree over the faces in
// the order of a space-filling curve.

#include <cstdint>
#include <vector>

#include "mesh/bvh.h"
#include "mesh/collapse_mesh.h"

namespace sinter::mesh {

class FaceTree {
 public:
  /// Over the faces that are live now.
  explicit FaceTree(const CollapseMesh& mesh);

  std::int64_t built_for() const { return static_cast<std::int64_t>(faces_.size()); }

  /// After the face has moved or vanished.
  void update(const CollapseMesh& mesh, std::uint32_t face);

  /// Calls visit(face) for the faces whose leaf meets the box: a superset of those that do
  /// themselves.
  template <class Visit>
  void for_each_near(const Box& box, Visit&& visit) const {
    std::array<std::uint32_t, 64> stack;
    std::size_t depth = 0;
    for (std::uint32_t node = 1;;) {
      if (box.meets(boxes_[node])) {
        if (node < leaves_) {
          stack[depth++] = 2 * node + 1;
          node = 2 * node;
          continue;
        }
        const std::size_t begin = std::size_t{node - leaves_} * kLeafFaces;
        const std::size_t end = std::min(begin + kLeafFaces, faces_.size());
        for (std::size_t n = begin; n < end; ++n) visit(faces_[n]);
      }
      if (depth == 0) return;
      node = stack[--depth];
    }
  }

 private:
  static constexpr std::size_t kLeafFaces = 4;

  Box leaf_box(const CollapseMesh& mesh, std::uint32_t leaf) const;

  std::uint32_t leaves_ = 1;          // a power of two; node n has children 2n and 2n + 1, root 1
  std::vector<Box> boxes_;            // by node
  std::vector<std::uint32_t> faces_;  // by place along the curve, kLeafFaces to a leaf
  std::vector<std::uint32_t> place_;  // of each face
};

}  // namespace sinter::mesh
