#pragma once
// The undirected edges of a mesh, each with the faces that use it.

#include <cstdint>
#include <span>
#include <vector>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

/// One face's use of an edge.
struct EdgeUse {
  std::uint32_t high;  ///< the edge's vertex with the larger index
  std::uint32_t half;  ///< 3 * face + corner: the edge from that corner to the next one

  std::uint32_t face() const { return half / 3; }
};

/// Whether the face names a vertex twice: such faces have no edges here.
constexpr bool has_repeated_index(const Face& face) {
  return face[0] == face[1] || face[1] == face[2] || face[2] == face[0];
}

class EdgeTable {
 public:
  /// Indices must lie in the mesh. At most 2^32 / 3 faces, or ErrorCode::unsupported.
  explicit EdgeTable(const TriangleMesh& mesh);

  /// Calls visit(low, uses) once for each edge, by ascending (low, high); `uses` by ascending half.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t low = 0; low + 1 < first_.size(); ++low) {
      for (std::size_t begin = first_[low]; begin < first_[low + 1];) {
        std::size_t end = begin + 1;
        while (end < first_[low + 1] && uses_[end].high == uses_[begin].high) ++end;
        visit(static_cast<std::uint32_t>(low),
              std::span<const EdgeUse>(&uses_[begin], end - begin));
        begin = end;
      }
    }
  }

 private:
  std::vector<std::size_t> first_;  // by lower vertex: its first entry of uses_
  std::vector<EdgeUse> uses_;
};

}  // namespace sinter::mesh
