#pragma once
// Bounding boxes over faces that move, grow and vanish: a tree of four children a node over the
// faces in their own order, so faces that are near each other should be near in number too.

#include <array>
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

  /// Calls visit(face) for the live faces whose bounding box meets `box`, in a fixed order.
  template <class Visit>
  void for_each_near(const Box& box, Visit&& visit) const {
    struct Entry {
      std::uint32_t level, node;
    };
    std::array<Entry, 64> stack;  // at most three wait on each of 16 levels
    std::size_t depth = 0;
    stack[depth++] = {static_cast<std::uint32_t>(levels_.size()) - 1, 0};
    while (depth > 0) {
      const Entry at = stack[--depth];
      const std::uint32_t hits = nodes_[levels_[at.level] + at.node].meets(box);
      for (std::uint32_t child = 4; child-- > 0;) {
        if ((hits >> child & 1) == 0) continue;
        const std::uint32_t below = 4 * at.node + child;
        if (at.level == 0) {
          visit(faces_[below]);
        } else {
          stack[depth++] = {at.level - 1, below};
          const auto* node = reinterpret_cast<const char*>(&nodes_[levels_[at.level - 1] + below]);
          __builtin_prefetch(node);
          __builtin_prefetch(node + sizeof(Node) - 1);
        }
      }
    }
  }

 private:
  /// The boxes of four children, coordinate by coordinate; those that are not there are empty.
  struct Node {
    std::array<std::array<float, 4>, 3> min, max;

    Node();
    void set(std::uint32_t child, const Box& box);
    bool holds(std::uint32_t child, const Box& box) const;
    Box all() const;

    /// Bit n says whether child n meets the box.
    std::uint32_t meets(const Box& box) const {
      std::array<std::int32_t, 4> hit = {1, 2, 4, 8};
      for (std::size_t axis = 0; axis < 3; ++axis) {
        for (std::size_t n = 0; n < 4; ++n) {
          // Not ||: a branch would keep the four from being compared together.
          const int apart = static_cast<int>(min[axis][n] > box.max[axis]) |
                            static_cast<int>(box.min[axis] > max[axis][n]);
          hit[n] = apart != 0 ? 0 : hit[n];
        }
      }
      return static_cast<std::uint32_t>(hit[0] | hit[1] | hit[2] | hit[3]);
    }
  };

  void put(std::uint32_t place, const Box& box);

  std::vector<Node> nodes_;            // the lowest level first
  std::vector<std::size_t> levels_;    // where each begins in nodes_
  std::vector<std::uint32_t> faces_;   // by place, in the lowest level
  std::vector<std::uint32_t> places_;  // of each face
};

}  // namespace sinter::mesh
