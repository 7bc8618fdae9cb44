#pragma once
// Facts about a mesh: what it is made of, and what is wrong with it.

#include <cstdint>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

struct CheckOptions {
  bool self_intersections = true;  ///< the expensive part
  int threads = 1;                 ///< never changes the result
};

struct MeshReport {
  std::int64_t vertices = 0;
  std::int64_t faces = 0;
  std::int64_t components = 0;             ///< groups of faces joined across edges
  std::int64_t boundary_edges = 0;         ///< edges with one face
  std::int64_t non_manifold_edges = 0;     ///< edges with more than two faces
  std::int64_t non_manifold_vertices = 0;  ///< vertices whose faces form more than one fan
  std::int64_t inconsistent_edges = 0;     ///< edges whose two faces run the same way along it
  std::int64_t degenerate_faces = 0;       ///< repeated index, or exactly zero area
  std::int64_t duplicate_faces = 0;        ///< same three vertices as an earlier face
  std::int64_t non_finite_vertices = 0;
  std::int64_t unreferenced_vertices = 0;
  std::int64_t self_intersections =
      0;                          ///< pairs of faces that meet elsewhere than in what they share
  std::int64_t euler_number = 0;  ///< V - E + F over referenced vertices
  std::int64_t genus = 0;         ///< handles over all components; meaningful where watertight
  double volume = 0;              ///< signed; positive where faces point outwards
  double area = 0;
  Vec3 min{}, max{};        ///< bounding box of finite vertices
  bool watertight = false;  ///< has faces, no boundary or non-manifold edge, consistently oriented
  /// Watertight, manifold at vertices too, no degenerate or duplicate face, all vertices finite,
  /// positive volume, no self-intersection (where that was counted).
  bool sound = false;
};

/// Any triangle list is accepted; indices beyond the vertices raise ErrorCode::invalid_argument.
MeshReport check_mesh(const TriangleMesh& mesh, const CheckOptions& options = {});

}  // namespace sinter::mesh
