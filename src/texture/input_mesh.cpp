#include "texture/input_mesh.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "mesh/cleanup.h"
#include "mesh/edge_table.h"
#include "mesh/parallel.h"
#include "mesh/vector_math.h"

namespace sinter::texture {
namespace {

void check_indices(std::string_view who, const mesh::TriangleMesh& mesh) {
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    for (const std::uint32_t v : mesh.faces[f]) {
      SINTER_CHECK(v < mesh.positions.size(),
                   ErrorCode::invalid_argument,
                   "[",
                   who,
                   "] face ",
                   f,
                   ": expected vertices below ",
                   mesh.positions.size(),
                   ", got ",
                   v);
    }
  }
}

/// The first vertex at the place of each.
std::vector<std::uint32_t> first_at_place(const std::vector<mesh::Vec3>& positions) {
  std::vector<std::uint32_t> order(positions.size()), first(positions.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return positions[a] != positions[b] ? positions[a] < positions[b] : a < b;
  });
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool same = i > 0 && positions[order[i]] == positions[order[i - 1]];
    first[order[i]] = same ? first[order[i - 1]] : order[i];
  }
  return first;
}

/// Faces by places, each from its lowest one on.
std::vector<mesh::Face> welded_faces(const mesh::TriangleMesh& mesh) {
  const std::vector<std::uint32_t> first = first_at_place(mesh.positions);
  std::vector<mesh::Face> welded;
  welded.reserve(mesh.faces.size());
  for (const mesh::Face& f : mesh.faces) {
    mesh::Face face = {first[f[0]], first[f[1]], first[f[2]]};
    std::rotate(face.begin(), std::min_element(face.begin(), face.end()), face.end());
    welded.push_back(face);
  }
  return welded;
}

/// Returns how many went.
std::size_t remove_repeated(mesh::TriangleMesh& mesh) {
  const std::vector<mesh::Face> welded = welded_faces(mesh);
  std::vector<std::uint32_t> order(welded.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return welded[a] != welded[b] ? welded[a] < welded[b] : a < b;
  });
  std::vector<std::uint8_t> repeats(welded.size(), 0);
  for (std::size_t i = 1; i < order.size(); ++i) {
    repeats[order[i]] = welded[order[i]] == welded[order[i - 1]];
  }
  std::size_t kept = 0;
  for (std::size_t f = 0; f < repeats.size(); ++f) {
    // What names a place twice is told as that.
    if (repeats[f] == 0 || mesh::has_repeated_index(welded[f])) mesh.faces[kept++] = mesh.faces[f];
  }
  const std::size_t gone = mesh.faces.size() - kept;
  mesh.faces.resize(kept);
  return gone;
}

bool has_area(const mesh::TriangleMesh& mesh, std::size_t f) {
  return mesh::length(mesh::area_normal(mesh::corners(mesh, f))) > 0;
}

/// Squares of distances must be numbers of single precision.
void check_extent(std::string_view who, const mesh::TriangleMesh& mesh) {
  constexpr double kLargest = 1e19;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    double low = 0, high = 0;
    for (const mesh::Vec3& p : mesh.positions) {
      low = std::min(low, static_cast<double>(p[axis]));
      high = std::max(high, static_cast<double>(p[axis]));
    }
    SINTER_CHECK(high - low < kLargest,
                 ErrorCode::invalid_argument,
                 "[",
                 who,
                 "] mesh: expected an extent below 1e19, got ",
                 high - low);
  }
}

}  // namespace

void check_input_mesh(std::string_view who, const mesh::TriangleMesh& mesh) {
  SINTER_CHECK(!mesh.faces.empty(),
               ErrorCode::invalid_argument,
               "[",
               who,
               "] mesh: expected at least one face, got none");
  for (std::size_t v = 0; v < mesh.positions.size(); ++v) {
    for (const float value : mesh.positions[v]) {
      SINTER_CHECK(std::isfinite(value),
                   ErrorCode::invalid_argument,
                   "[",
                   who,
                   "] vertex ",
                   v,
                   ": expected finite coordinates, got ",
                   value);
    }
  }
  check_indices(who, mesh);
}

mesh::TriangleMesh mend_input_mesh(std::string_view who,
                                   const mesh::TriangleMesh& mesh,
                                   std::vector<std::string>& repairs) {
  check_indices(who, mesh);
  return mesh::with_memory_errors("mesh", [&] {
    mesh::TriangleMesh mended = mesh;
    const auto twice = std::count_if(mesh.faces.begin(), mesh.faces.end(), [](const mesh::Face& f) {
      return mesh::has_repeated_index(f);
    });
    const mesh::CleanupCounts counts = mesh::remove_degenerate(mended);
    const std::size_t repeated = remove_repeated(mended);
    const std::int64_t unused = counts.unreferenced_vertices + mesh::remove_unreferenced(mended);
    const auto tell = [&](std::int64_t count, const auto&... parts) {
      if (count > 0) repairs.push_back(cat("left out ", count, parts...));
    };
    tell(counts.non_finite_vertices, " vertices that are not finite, with their faces");
    tell(twice, " faces that name a vertex twice");
    tell(static_cast<std::int64_t>(repeated), " faces that repeat another");
    tell(unused, " vertices that no face uses");
    std::int64_t flat = 0;
    for (std::size_t f = 0; f < mended.faces.size(); ++f) flat += !has_area(mended, f);
    const auto faces = static_cast<std::int64_t>(mended.faces.size());
    SINTER_CHECK(flat < faces,
                 ErrorCode::invalid_argument,
                 "[",
                 who,
                 "] mesh: expected at least one face with an area, got ",
                 mesh.faces.size(),
                 " faces, none with one");
    check_extent(who, mended);
    if (flat > 0) repairs.push_back(cat(flat, " faces have no area, no picture shows them"));
    return mended;
  });
}

SurfaceEdges count_edges(const mesh::TriangleMesh& mesh) {
  return mesh::with_memory_errors("mesh", [&] {
    const mesh::TriangleMesh welded{mesh.positions, welded_faces(mesh)};
    SurfaceEdges edges;
    mesh::EdgeTable(welded).for_each([&](std::uint32_t low, std::span<const mesh::EdgeUse> uses) {
      const auto starts_low = [&](const mesh::EdgeUse& use) {
        return welded.faces[use.face()][use.half % 3] == low;
      };
      edges.open += uses.size() == 1;
      edges.cut +=
          uses.size() > 2 || (uses.size() == 2 && starts_low(uses[0]) == starts_low(uses[1]));
    });
    edges.components = static_cast<std::int64_t>(mesh::find_components(welded).count());
    return edges;
  });
}

}  // namespace sinter::texture
