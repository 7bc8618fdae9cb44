#pragma once
// A bounding volume hierarchy over the triangles of a mesh.

#include <cstdint>
#include <vector>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

struct Box {
  Vec3 min, max;
};

struct ClosestPoint {
  Vec3 position{};
  double distance = 0;
  std::uint32_t face = 0;
};

/// Keeps a copy of the corners; the mesh may go away. Needs at least one face.
class Bvh {
 public:
  explicit Bvh(const TriangleMesh& mesh, int threads = 1);

  /// The point of the mesh nearest to `query`; of several faces at the same distance the one with
  /// the smallest index.
  ClosestPoint closest(const Vec3& query) const;

  /// Calls visit(face) for each face whose bounding box meets `box` (borders included), in no
  /// particular but fixed order.
  template <class Visit>
  void overlapping(const Box& box, Visit&& visit) const;

 private:
  struct Node {
    Box box;
    std::uint32_t first;  ///< leaf: first entry of order_; inner: index of the left child
    std::uint32_t count;  ///< leaf: number of faces; inner: 0, the right child follows the left
  };
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> order_;  ///< face of each leaf entry
  std::vector<Triangle> triangles_;   ///< corners of each leaf entry
};

}  // namespace sinter::mesh
