#include "mesh/least_faces.h"

#include <span>
#include <vector>

#include "mesh/cleanup.h"
#include "mesh/edge_table.h"

namespace sinter::mesh {
namespace {

bool is_closed(const TriangleMesh& mesh) {
  bool closed = true;
  for (const Face& face : mesh.faces) closed = closed && !has_repeated_index(face);
  EdgeTable(mesh).for_each([&](std::uint32_t low, std::span<const EdgeUse> uses) {
    const auto starts_low = [&](const EdgeUse& use) {
      return mesh.faces[use.face()][use.half % 3] == low;
    };
    closed = closed && uses.size() == 2 && starts_low(uses[0]) != starts_low(uses[1]);
  });
  return closed;
}

}  // namespace

std::int64_t least_faces(std::int64_t handles) {
  // n vertices have at most n (n - 1) / 2 edges, and n - edges + faces = 2 - 2 handles with 3 faces
  // = 2 edges: (n - 3) (n - 4) >= 12 handles. That many are enough but for two handles.
  std::int64_t n = handles == 2 ? 10 : 4;
  while ((n - 3) * (n - 4) < 12 * handles) ++n;
  return 2 * n - 4 + 4 * handles;
}

std::int64_t least_faces(const TriangleMesh& mesh) {
  if (mesh.faces.empty() || !is_closed(mesh)) return 0;
  const Components components = find_components(mesh);
  std::vector<std::int64_t> vertices(components.count());
  std::vector<bool> seen(mesh.positions.size());
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    for (const std::uint32_t v : mesh.faces[f]) {
      if (!seen[v]) ++vertices[components.of_face[f]];
      seen[v] = true;
    }
  }
  std::int64_t sum = 0;
  for (std::size_t c = 0; c < components.count(); ++c) {
    const std::int64_t euler = vertices[c] - components.face_count[c] / 2;
    if (euler > 2 || euler % 2 != 0) return 0;  // a vertex between two fans
    sum += least_faces((2 - euler) / 2);
  }
  return sum;
}

}  // namespace sinter::mesh
