#pragma once
// Repairs that never move a vertex.

#include <cstdint>
#include <functional>
#include <vector>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

/// Groups of faces joined across edges.
struct Components {
  std::vector<std::uint32_t> of_face;    ///< component of each face, numbered by first face
  std::vector<std::int64_t> face_count;  ///< by component
  std::size_t count() const { return face_count.size(); }
};

/// `poll`, where set, is called now and then; it throws to stop.
Components find_components(const TriangleMesh& mesh, const std::function<void()>& poll = {});

/// Upstream's share of the largest component's faces.
inline constexpr double kFloaterRatio = 0.005;

/// Removes components with fewer than floor(ratio * faces of the largest) faces, with their
/// vertices. Returns the number of components removed. ratio in [0, 1].
/// `poll` as above; a mesh that was stopped is as it was.
std::int64_t remove_floaters(TriangleMesh& mesh,
                             double ratio = kFloaterRatio,
                             const std::function<void()>& poll = {});

struct CleanupCounts {
  std::int64_t non_finite_vertices = 0;
  std::int64_t repeated_index_faces = 0;  ///< faces that name a vertex twice, or a removed vertex
  std::int64_t merged_vertices = 0;       ///< vertices at exactly the position of an earlier one
  std::int64_t unreferenced_vertices = 0;
};

/// What upstream's PLY round trip does: drops non-finite vertices with their faces and faces that
/// name a vertex twice; then, with `merge_coincident`, joins vertices of exactly equal position and
/// drops the faces that collapse; then drops vertices that no face uses.
CleanupCounts remove_degenerate(TriangleMesh& mesh, bool merge_coincident = false);

/// Drops vertices that no face uses; the rest keep their order. Returns how many.
std::int64_t remove_unreferenced(TriangleMesh& mesh);

/// Enclosed volume, positive where faces point outwards; meaningful for closed meshes.
double signed_volume(const TriangleMesh& mesh);
double surface_area(const TriangleMesh& mesh);

/// Reverses all faces if the signed volume is negative. Returns whether it did.
bool orient_outwards(TriangleMesh& mesh);

}  // namespace sinter::mesh
