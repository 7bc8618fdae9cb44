#pragma once
// Which faces of a triangle list are neighbours on a surface.

#include <cstdint>
#include <vector>

#include "mesh/triangle_mesh.h"

namespace sinter::texture {

/// Half-edge 3f + k runs from corner k of face f to its corner (k + 1) % 3.
constexpr std::int32_t next_half_edge(std::int32_t h) {
  return h % 3 == 2 ? h - 2 : h + 1;
}
constexpr std::int32_t previous_half_edge(std::int32_t h) {
  return h % 3 == 0 ? h + 2 : h - 1;
}

struct SurfaceTopology {
  /// By corner 3f + k: the lowest vertex at exactly that corner's position.
  std::vector<std::uint32_t> position;
  /// By half-edge: the half-edge of the neighbouring face that runs the other way; -1 where there
  /// is none, or more than one candidate.
  std::vector<std::int32_t> opposite;
  /// By face: names a position twice. Such a face has no neighbours; those it had are each other's.
  std::vector<std::uint8_t> collapsed;
};

/// Faces with the same three positions form layers, first come, first layer; edges are matched
/// within a layer only, so a doubled surface comes apart into two.
SurfaceTopology build_topology(const mesh::TriangleMesh& mesh);

}  // namespace sinter::texture
