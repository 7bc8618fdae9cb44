#pragma once
// A bounding volume hierarchy over the triangles of a mesh.

#include <cstdint>
#include <vector>

#include "mesh/triangle_mesh.h"
#include "mesh/vector_math.h"

namespace sinter::mesh {

struct Box {
  Vec3 min, max;

  /// Smallest box around nothing: any include() replaces it.
  static Box empty();
  void include(const Vec3& point);
  void include(const Box& other);
  bool meets(const Box& other) const {
    return min[0] <= other.max[0] && other.min[0] <= max[0] && min[1] <= other.max[1] &&
           other.min[1] <= max[1] && min[2] <= other.max[2] && other.min[2] <= max[2];
  }
};

Box bounding_box(const Triangle& triangle);

/// The point of a triangle nearest to `query`; triangles without area are allowed.
Vec3d closest_point(const Triangle& triangle, const Vec3d& query);

struct ClosestPoint {
  Vec3d position{};
  double distance = 0;
  std::uint32_t face = 0;
};

/// Keeps a copy of the corners; the mesh may go away.
class Bvh {
 public:
  /// Raises ErrorCode::invalid_argument for a mesh without faces. All corners must be finite.
  explicit Bvh(const TriangleMesh& mesh);

  /// The point of the mesh nearest to `query`. Where several faces are equally near, the choice is
  /// arbitrary but always the same.
  ClosestPoint closest(const Vec3d& query) const;

  /// Calls visit(face, triangle) for each face whose bounding box meets `box`, borders included, in
  /// a fixed order.
  template <class Visit>
  void overlapping(const Box& box, Visit&& visit) const {
    std::array<std::uint32_t, kMaxDepth> stack;
    std::size_t depth = 0;
    for (std::uint32_t at = 0;;) {
      const Node& node = nodes_[at];
      if (box.meets(node.box)) {
        if (node.count == 0) {
          stack[depth++] = node.first + 1;
          at = node.first;
          continue;
        }
        for (std::uint32_t n = node.first; n < node.first + node.count; ++n) {
          if (box.meets(bounding_box(triangles_[n]))) visit(faces_[n], triangles_[n]);
        }
      }
      if (depth == 0) return;
      at = stack[--depth];
    }
  }

 private:
  /// Splits halve the faces where the surface area heuristic does not; 2^32 faces need far less.
  static constexpr std::size_t kMaxDepth = 128;

  struct Node {
    Box box;
    std::uint32_t first;  ///< leaf: first entry of faces_; inner: left child, the right one follows
    std::uint32_t count;  ///< leaf: number of faces; inner: 0
  };

  struct Builder;

  std::vector<Node> nodes_;
  std::vector<std::uint32_t> faces_;  ///< by leaf entry
  std::vector<Triangle> triangles_;   ///< by leaf entry
};

}  // namespace sinter::mesh
