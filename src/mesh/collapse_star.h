#pragma once
// The faces that a collapse would leave around its vertex: how good they are, and whether they keep
// clear of the rest of the mesh.

#include <array>
#include <cstdint>
#include <vector>

#include "mesh/bvh.h"
#include "mesh/collapse_mesh.h"
#include "mesh/face_tree.h"
#include "mesh/vector_math.h"

namespace sinter::mesh {

class CollapseStar {
 public:
  explicit CollapseStar(const CollapseMesh& mesh) : mesh_(mesh) { reset(); }

  /// After the mesh's vertices have got other numbers.
  void reset();

  /// Takes up the faces that stay when u and v meet at `position`. Only after can_collapse().
  void collect(std::uint32_t u, std::uint32_t v, const Vec3& position);

  /// The faces at u and v, those that vanish included.
  const std::vector<std::uint32_t>& touched() const { return touched_; }

  /// Factor on the cost for faces that turn or get thin; 0 where they must not: where a face would
  /// turn by more than `turn_limit`, the least cosine in [-1, 1], allows, or become a sliver that
  /// it was not before.
  double shape_penalty(double turn_limit);

  /// Whether the faces meet nothing but their neighbours, in what they share with them
  /// (triangles_intersect()). Only after shape_penalty() was not 0.
  bool is_free(const FaceTree& tree);

 private:
  struct StarFace {
    std::uint32_t a, b;    ///< the far side, in the direction of the face
    std::uint32_t before;  ///< the corner that moves: u or v
    Triangle after;        ///< the moved corner first
  };
  /// Two coordinates of a point, relative to the moved corner.
  struct Flat {
    double x, y;
  };

  // A star is drawn flat, along the mean of its normals, by a linear map that is computed in
  // float64. A line between two points of the drawing is a plane in space: what lies on different
  // sides of it does not meet. All of these signs are taken with an error bound, so that a wrong
  // drawing or an unlucky plane can only leave a pair to the exact test.

  static constexpr std::size_t kMostDrawn = 64;

  bool draw();
  Flat flat(const Vec3d& offset) const;
  std::uint64_t beyond(std::size_t side);
  std::uint64_t separated(const Face& face, const Triangle& triangle);
  bool own_faces_meet() const;
  bool meets_any(const Triangle& triangle, std::uint64_t separated) const;

  const CollapseMesh& mesh_;
  std::uint32_t u_ = 0, v_ = 0;
  Vec3d position_{};
  std::vector<std::uint32_t> touched_;
  std::vector<StarFace> faces_;
  std::vector<Box> boxes_;  // of the faces after
  Vec3d normal_{};          // sum over the faces after

  // of the drawing
  Vec3d x_axis_{}, y_axis_{};
  double extent_ = 0;                                  // largest coordinate of an offset
  std::array<Flat, kMostDrawn> points_;                // a of each face
  std::array<std::uint32_t, kMostDrawn> next_, last_;  // the faces that begin at b, and end at a
  std::array<std::uint64_t, kMostDrawn> beyond_;
  std::uint64_t beyond_known_ = 0;
  std::vector<std::uint32_t> slot_;  // by vertex: first_slot_ + n where it is a of face n
  std::uint32_t first_slot_ = 1;
};

}  // namespace sinter::mesh
