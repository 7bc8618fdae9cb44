#pragma once
// A mesh that edges can be collapsed in: each vertex knows its face corners.

#include <cstdint>
#include <functional>
#include <vector>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

inline constexpr std::uint32_t kNoCorner = 0xffffffff;

class CollapseMesh {
 public:
  /// Faces that name a vertex twice are left out from the start. Vertices at the rim of a hole, at
  /// edges with more than two faces or with faces that disagree in direction, and between several
  /// fans are fixed: they are neither moved nor removed.
  /// `poll`, where set, is called now and then; it throws to stop.
  explicit CollapseMesh(const TriangleMesh& mesh, const std::function<void()>& poll = {});

  std::size_t vertex_count() const { return positions_.size(); }
  std::size_t face_slots() const { return faces_.size(); }
  std::int64_t live_faces() const { return live_faces_; }

  const Vec3& position(std::uint32_t v) const { return positions_[v]; }
  const Face& face(std::uint32_t f) const { return faces_[f]; }
  Triangle triangle(std::uint32_t f) const {
    return {positions_[faces_[f][0]], positions_[faces_[f][1]], positions_[faces_[f][2]]};
  }
  bool is_live(std::uint32_t f) const { return live_[f] != 0; }
  bool is_fixed(std::uint32_t v) const { return fixed_[v] != 0; }
  bool is_used(std::uint32_t v) const { return first_corner_[v] != kNoCorner; }

  /// Calls visit(face, corner index 0..2) for each face at the vertex.
  template <class Visit>
  void for_each_face(std::uint32_t v, Visit&& visit) const {
    const std::uint32_t first = first_corner_[v];
    if (first == kNoCorner) return;
    std::uint32_t corner = first;
    do {
      const std::uint32_t next = next_corner_[corner];
      visit(corner / 3, corner % 3);
      corner = next;
    } while (corner != first);
  }

  /// Whether collapsing the edge keeps the surface a manifold of the same topology: the edge has
  /// two faces, its ends have no common neighbour besides the tips of these, and the four are not a
  /// tetrahedron (the link condition of Dey, Edelsbrunner, Guha and Nekhayev, "Topology Preserving
  /// Edge Contraction", 1999).
  bool can_collapse(std::uint32_t u, std::uint32_t v);

  /// Moves u to `position` and joins v into it. Only after can_collapse().
  void collapse(std::uint32_t u, std::uint32_t v, const Vec3& position);

  /// Numbers the vertices and faces that are left anew, in their old order, so that they are near
  /// each other in memory. Returns the old numbers of the vertices.
  std::vector<std::uint32_t> compact();

  /// What is left, vertices and faces in their order.
  TriangleMesh extract() const;

 private:
  void link_corners(std::uint32_t v, const std::vector<std::uint32_t>& corners);
  void unlink_corner(std::uint32_t v, std::uint32_t corner);

  std::vector<Vec3> positions_;
  std::vector<Face> faces_;
  std::vector<std::uint8_t> live_, fixed_;
  std::vector<std::uint32_t> first_corner_;  // by vertex
  std::vector<std::uint32_t> next_corner_;   // by corner 3 * face + i: a ring for each vertex
  std::int64_t live_faces_ = 0;
  std::vector<std::uint32_t> mark_;  // by vertex: the last question in which it was seen
  std::uint32_t question_ = 0;
  std::vector<std::uint32_t> scratch_;
};

}  // namespace sinter::mesh
