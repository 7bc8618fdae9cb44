#include "mesh/check.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/error.h"
#include "mesh/bvh.h"
#include "mesh/cleanup.h"
#include "mesh/edge_table.h"
#include "mesh/parallel.h"
#include "mesh/predicates.h"
#include "mesh/union_find.h"
#include "mesh/vector_math.h"

namespace sinter::mesh {
namespace {

bool is_finite(const Vec3& p) {
  return std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2]);
}

void check_indices(const TriangleMesh& mesh) {
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    for (const std::uint32_t v : mesh.faces[f]) {
      SINTER_CHECK(v < mesh.positions.size(),
                   ErrorCode::invalid_argument,
                   "[mesh] face ",
                   f,
                   ": expected vertex indices below ",
                   mesh.positions.size(),
                   ", got ",
                   v);
    }
  }
}

void measure_vertices(const TriangleMesh& mesh, MeshReport& report) {
  report.vertices = static_cast<std::int64_t>(mesh.positions.size());
  Box box = Box::empty();
  for (const Vec3& p : mesh.positions) {
    if (is_finite(p)) {
      box.include(p);
    } else {
      ++report.non_finite_vertices;
    }
  }
  if (report.non_finite_vertices < report.vertices) {
    report.min = box.min;
    report.max = box.max;
  }
  std::vector<bool> used(mesh.positions.size());
  for (const Face& face : mesh.faces) {
    for (const std::uint32_t v : face) used[v] = true;
  }
  report.unreferenced_vertices = std::count(used.begin(), used.end(), false);
}

/// Faces with area: three finite corners that are not on one line. Counts those that are.
std::vector<std::uint32_t> proper_faces(const TriangleMesh& mesh, int threads, MeshReport& report) {
  enum : std::uint8_t { kProper, kDegenerate, kUnknown };
  std::vector<std::uint8_t> kinds(mesh.faces.size());
  const auto count = static_cast<std::int64_t>(mesh.faces.size());
  parallel_blocks(threads, count, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (auto f = static_cast<std::size_t>(begin); std::cmp_less(f, end); ++f) {
      const Triangle t = corners(mesh, f);
      const bool finite = is_finite(t[0]) && is_finite(t[1]) && is_finite(t[2]);
      const bool degenerate = has_repeated_index(mesh.faces[f]) || (finite && collinear(t));
      kinds[f] = degenerate ? kDegenerate : finite ? kProper : kUnknown;
    }
  });
  report.degenerate_faces = std::count(kinds.begin(), kinds.end(), kDegenerate);
  std::vector<std::uint32_t> faces;
  for (std::size_t f = 0; f < kinds.size(); ++f) {
    if (kinds[f] == kProper) faces.push_back(static_cast<std::uint32_t>(f));
  }
  return faces;
}

/// Counts edges by kind and joins, at both ends of each edge, the face corners that meet there.
class Topology {
 public:
  Topology(const TriangleMesh& mesh, MeshReport& report)
      : mesh_(mesh), report_(report), fans_(3 * mesh.faces.size()) {
    EdgeTable(mesh).for_each(
        [&](std::uint32_t low, std::span<const EdgeUse> uses) { add_edge(low, uses); });
    count_fans();
  }

  /// Vertices after pulling fans apart, minus edges, plus faces: what the genus follows from.
  std::int64_t euler_of_fans() const { return fan_count_ - edge_count_ + face_count_; }

 private:
  void add_edge(std::uint32_t low, std::span<const EdgeUse> uses) {
    ++edge_count_;
    if (uses.size() == 1) ++report_.boundary_edges;
    if (uses.size() > 2) ++report_.non_manifold_edges;
    const auto starts_low = [&](const EdgeUse& use) {
      return mesh_.faces[use.face()][use.half % 3] == low;
    };
    if (uses.size() == 2 && starts_low(uses[0]) == starts_low(uses[1])) {
      ++report_.inconsistent_edges;
    }
    const auto corner_at = [&](const EdgeUse& use, bool at_low) {
      return starts_low(use) == at_low ? use.half : 3 * use.face() + (use.half % 3 + 1) % 3;
    };
    for (std::size_t n = 1; n < uses.size(); ++n) {
      fans_.join(corner_at(uses[0], true), corner_at(uses[n], true));
      fans_.join(corner_at(uses[0], false), corner_at(uses[n], false));
    }
    count_duplicates(low, uses);
  }

  /// Faces of which this edge joins the two lowest vertices, with equal third vertices.
  void count_duplicates(std::uint32_t low, std::span<const EdgeUse> uses) {
    thirds_.clear();
    for (const EdgeUse& use : uses) {
      const Face& face = mesh_.faces[use.face()];
      const std::uint32_t third = face[(use.half % 3 + 2) % 3];
      if (third > low && third > use.high) thirds_.push_back(third);
    }
    std::sort(thirds_.begin(), thirds_.end());
    const auto end = std::unique(thirds_.begin(), thirds_.end());
    report_.duplicate_faces += thirds_.end() - end;
  }

  void count_fans() {
    std::vector<std::uint8_t> fans_of(mesh_.positions.size());
    std::int64_t vertex_count = 0;
    for (std::size_t f = 0; f < mesh_.faces.size(); ++f) {
      if (has_repeated_index(mesh_.faces[f])) continue;
      ++face_count_;
      for (std::size_t corner = 0; corner < 3; ++corner) {
        const auto at = static_cast<std::uint32_t>(3 * f + corner);
        if (fans_.find(at) != at) continue;
        ++fan_count_;
        std::uint8_t& fans = fans_of[mesh_.faces[f][corner]];
        if (fans == 0) ++vertex_count;
        if (fans == 1) ++report_.non_manifold_vertices;
        fans = static_cast<std::uint8_t>(std::min(fans + 1, 2));
      }
    }
    report_.euler_number = vertex_count - edge_count_ + face_count_;
  }

  const TriangleMesh& mesh_;
  MeshReport& report_;
  UnionFind fans_;  // of corners, 3 * face + corner
  std::vector<std::uint32_t> thirds_;
  std::int64_t edge_count_ = 0, face_count_ = 0, fan_count_ = 0;
};

std::int64_t count_components(const TriangleMesh& mesh) {
  const Components components = find_components(mesh);
  std::vector<bool> real(components.count());
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    if (!has_repeated_index(mesh.faces[f])) real[components.of_face[f]] = true;
  }
  return std::count(real.begin(), real.end(), true);
}

std::int64_t count_self_intersections(const TriangleMesh& mesh,
                                      const std::vector<std::uint32_t>& faces,
                                      int threads) {
  if (faces.empty()) return 0;
  // The hierarchy gets the proper faces only; its face numbers are positions in `faces`.
  TriangleMesh proper;
  proper.positions = mesh.positions;
  for (const std::uint32_t f : faces) proper.faces.push_back(mesh.faces[f]);
  const Bvh bvh(proper);
  std::atomic<std::int64_t> total{0};
  const auto count = static_cast<std::int64_t>(faces.size());
  parallel_blocks(threads, count, 1024, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t found = 0;
    for (auto f = static_cast<std::size_t>(begin); std::cmp_less(f, end); ++f) {
      const Triangle t = corners(proper, f);
      bvh.overlapping(bounding_box(t), [&](std::uint32_t other, const Triangle& u) {
        if (other > f && triangles_intersect(t, u)) ++found;
      });
    }
    total += found;
  });
  return total;
}

}  // namespace

MeshReport check_mesh(const TriangleMesh& mesh, const CheckOptions& options) {
  return with_memory_errors("check_mesh", [&] {
    check_indices(mesh);
    MeshReport report;
    report.faces = static_cast<std::int64_t>(mesh.faces.size());
    measure_vertices(mesh, report);
    const std::vector<std::uint32_t> proper = proper_faces(mesh, options.threads, report);
    const Topology topology(mesh, report);
    report.components = count_components(mesh);
    if (report.non_finite_vertices == 0) {
      report.volume = signed_volume(mesh);
      report.area = surface_area(mesh);
    }
    report.watertight = report.faces > 0 && report.components > 0 && report.boundary_edges == 0 &&
                        report.non_manifold_edges == 0 && report.inconsistent_edges == 0;
    if (report.watertight) {
      report.genus = (2 * report.components - topology.euler_of_fans()) / 2;
    }
    if (options.self_intersections) {
      report.self_intersections = count_self_intersections(mesh, proper, options.threads);
    }
    report.sound = report.watertight && report.non_manifold_vertices == 0 &&
                   report.degenerate_faces == 0 && report.duplicate_faces == 0 &&
                   report.non_finite_vertices == 0 && report.volume > 0 &&
                   report.self_intersections == 0;
    return report;
  });
}

}  // namespace sinter::mesh
