#include "mesh/edge_table.h"

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace sinter::mesh {

EdgeTable::EdgeTable(const TriangleMesh& mesh) {
  SINTER_CHECK(mesh.faces.size() <= std::numeric_limits<std::uint32_t>::max() / 3,
               ErrorCode::unsupported,
               "[mesh] faces: expected at most 2^32 / 3, got ",
               mesh.faces.size());
  const auto for_each_side = [&](auto&& visit) {
    for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
      const Face& face = mesh.faces[f];
      if (has_repeated_index(face)) continue;
      for (std::size_t corner = 0; corner < 3; ++corner) {
        const auto [low, high] = std::minmax(face[corner], face[(corner + 1) % 3]);
        visit(low, EdgeUse{high, static_cast<std::uint32_t>(3 * f + corner)});
      }
    }
  };
  // Counting sort by the lower vertex, then each vertex's few edges by the higher one.
  first_.assign(mesh.positions.size() + 1, 0);
  for_each_side([&](std::uint32_t low, const EdgeUse&) { ++first_[low + 1]; });
  for (std::size_t v = 1; v < first_.size(); ++v) first_[v] += first_[v - 1];
  uses_.resize(first_.back());
  std::vector<std::size_t> next(first_.begin(), first_.end() - 1);
  for_each_side([&](std::uint32_t low, const EdgeUse& use) { uses_[next[low]++] = use; });
  for (std::size_t v = 0; v + 1 < first_.size(); ++v) {
    std::sort(uses_.begin() + static_cast<std::ptrdiff_t>(first_[v]),
              uses_.begin() + static_cast<std::ptrdiff_t>(first_[v + 1]),
              [](const EdgeUse& a, const EdgeUse& b) {
                return a.high != b.high ? a.high < b.high : a.half < b.half;
              });
  }
}

}  // namespace sinter::mesh
