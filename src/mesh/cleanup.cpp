#include "mesh/cleanup.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "core/error.h"
#include "mesh/edge_table.h"
#include "mesh/parallel.h"
#include "mesh/poll_steps.h"
#include "mesh/union_find.h"
#include "mesh/vector_math.h"

namespace sinter::mesh {
namespace {

constexpr std::uint32_t kGone = std::numeric_limits<std::uint32_t>::max();

/// Keeps the faces for which keep(index) holds, in order; returns how many went.
template <class Keep>
std::int64_t filter_faces(TriangleMesh& mesh, Keep&& keep) {
  std::size_t kept = 0;
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    if (keep(f)) mesh.faces[kept++] = mesh.faces[f];
  }
  const auto removed = static_cast<std::int64_t>(mesh.faces.size() - kept);
  mesh.faces.resize(kept);
  return removed;
}

bool is_finite(const Vec3& p) {
  return std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2]);
}

struct PositionHash {
  std::size_t operator()(const Vec3& p) const {
    std::uint64_t hash = 0x9e3779b97f4a7c15u;
    for (const float x : p) {
      // -0 and 0 are equal and must hash alike.
      hash = (hash ^ std::bit_cast<std::uint32_t>(x == 0 ? 0.0f : x)) * 0xff51afd7ed558ccdu;
      hash ^= hash >> 32;
    }
    return static_cast<std::size_t>(hash);
  }
};

/// For each vertex the first one at the same position.
std::vector<std::uint32_t> first_at_position(const TriangleMesh& mesh) {
  std::unordered_map<Vec3, std::uint32_t, PositionHash> first;
  first.reserve(mesh.positions.size());
  std::vector<std::uint32_t> same(mesh.positions.size());
  for (std::size_t v = 0; v < same.size(); ++v) {
    same[v] = first.try_emplace(mesh.positions[v], static_cast<std::uint32_t>(v)).first->second;
  }
  return same;
}

}  // namespace

Components find_components(const TriangleMesh& mesh, const std::function<void()>& poll) {
  return with_memory_errors("find_components", [&] {
    UnionFind sets(mesh.faces.size());
    PollSteps step(poll);
    EdgeTable(mesh).for_each([&](std::uint32_t, std::span<const EdgeUse> uses) {
      step();
      for (std::size_t n = 1; n < uses.size(); ++n) sets.join(uses[0].face(), uses[n].face());
    });
    Components result;
    result.of_face.resize(mesh.faces.size());
    for (std::uint32_t f = 0; f < result.of_face.size(); ++f) {
      const std::uint32_t root = sets.find(f);
      if (root == f) {
        result.of_face[f] = static_cast<std::uint32_t>(result.face_count.size());
        result.face_count.push_back(0);
      } else {
        result.of_face[f] = result.of_face[root];
      }
      ++result.face_count[result.of_face[f]];
    }
    return result;
  });
}

std::int64_t remove_floaters(TriangleMesh& mesh, double ratio, const std::function<void()>& poll) {
  SINTER_CHECK(ratio >= 0 && ratio <= 1,
               ErrorCode::invalid_argument,
               "[remove_floaters] ratio: expected 0..1, got ",
               ratio);
  if (mesh.faces.empty()) return 0;
  const Components components = find_components(mesh, poll);
  const auto largest =
      *std::max_element(components.face_count.begin(), components.face_count.end());
  const auto threshold = static_cast<std::int64_t>(ratio * static_cast<double>(largest));
  filter_faces(mesh, [&](std::size_t f) {
    return components.face_count[components.of_face[f]] >= threshold;
  });
  remove_unreferenced(mesh);
  return std::count_if(components.face_count.begin(),
                       components.face_count.end(),
                       [&](std::int64_t faces) { return faces < threshold; });
}

CleanupCounts remove_degenerate(TriangleMesh& mesh, bool merge_coincident) {
  return with_memory_errors("remove_degenerate", [&] {
    CleanupCounts counts;
    for (const Vec3& p : mesh.positions) counts.non_finite_vertices += !is_finite(p);
    counts.repeated_index_faces = filter_faces(mesh, [&](std::size_t f) {
      const Face& face = mesh.faces[f];
      return !has_repeated_index(face) && is_finite(mesh.positions[face[0]]) &&
             is_finite(mesh.positions[face[1]]) && is_finite(mesh.positions[face[2]]);
    });
    if (merge_coincident) {
      const auto same = first_at_position(mesh);
      for (std::size_t v = 0; v < same.size(); ++v) {
        counts.merged_vertices += same[v] != v && is_finite(mesh.positions[v]);
      }
      for (Face& face : mesh.faces) face = {same[face[0]], same[face[1]], same[face[2]]};
      counts.repeated_index_faces +=
          filter_faces(mesh, [&](std::size_t f) { return !has_repeated_index(mesh.faces[f]); });
    }
    counts.unreferenced_vertices =
        remove_unreferenced(mesh) - counts.non_finite_vertices - counts.merged_vertices;
    return counts;
  });
}

std::int64_t remove_unreferenced(TriangleMesh& mesh) {
  return with_memory_errors("remove_unreferenced", [&] {
    std::vector<std::uint32_t> renamed(mesh.positions.size(), kGone);
    for (const Face& face : mesh.faces) {
      for (const std::uint32_t v : face) renamed[v] = 0;
    }
    std::uint32_t kept = 0;
    for (std::size_t v = 0; v < renamed.size(); ++v) {
      if (renamed[v] == kGone) continue;
      mesh.positions[kept] = mesh.positions[v];
      renamed[v] = kept++;
    }
    const auto removed = static_cast<std::int64_t>(mesh.positions.size() - kept);
    mesh.positions.resize(kept);
    for (Face& face : mesh.faces) {
      face = {renamed[face[0]], renamed[face[1]], renamed[face[2]]};
    }
    return removed;
  });
}

double signed_volume(const TriangleMesh& mesh) {
  if (mesh.positions.empty()) return 0;
  // Against a vertex of the mesh rather than the origin, so that distance does not cost digits.
  const Vec3d origin = to_double(mesh.positions[0]);
  double sum = 0;
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    const Triangle t = corners(mesh, f);
    const Vec3d a = to_double(t[0]) - origin, b = to_double(t[1]) - origin;
    sum += dot(a, cross(b, to_double(t[2]) - origin));
  }
  return sum / 6;
}

double surface_area(const TriangleMesh& mesh) {
  double sum = 0;
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) sum += triangle_area(corners(mesh, f));
  return sum;
}

bool orient_outwards(TriangleMesh& mesh) {
  if (!(signed_volume(mesh) < 0)) return false;
  for (Face& face : mesh.faces) std::swap(face[1], face[2]);
  return true;
}

}  // namespace sinter::mesh
