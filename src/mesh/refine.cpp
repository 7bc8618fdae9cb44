// Longest-edge bisection (Rivara, "Algorithms for Refining Triangular Grids Suitable for Adaptive
// and Multigrid Techniques", 1984): an edge is cut together with the faces on both sides, so no
// vertex ever hangs on an edge, and the smallest angle does not fall below half of what it was.

#include "mesh/refine.h"

#include <algorithm>
#include <array>
#include <queue>
#include <span>
#include <vector>

#include "core/error.h"
#include "mesh/edge_table.h"
#include "mesh/parallel.h"
#include "mesh/poll_steps.h"
#include "mesh/predicates.h"
#include "mesh/vector_math.h"

namespace sinter::mesh {
namespace {

constexpr std::uint32_t kNone = 0xffffffff;

class Refinement {
 public:
  Refinement(TriangleMesh& mesh, std::int64_t target, const std::function<void()>& poll)
      : mesh_(mesh), target_(static_cast<std::size_t>(target)), step_(poll) {
    mesh_.faces.reserve(target_);
    edge_at_.reserve(3 * target_);
    edge_at_.assign(3 * mesh_.faces.size(), kNone);
    EdgeTable(mesh_).for_each([&](std::uint32_t low, std::span<const EdgeUse> uses) {
      const auto starts_low = [&](const EdgeUse& use) {
        return mesh_.faces[use.face()][use.half % 3] == low;
      };
      const bool plain =
          uses.size() == 1 || (uses.size() == 2 && starts_low(uses[0]) != starts_low(uses[1]));
      step_();
      if (!plain) return;
      const std::uint32_t edge = add_edge();
      for (const EdgeUse& use : uses) attach(edge, use.half);
      enqueue(edge);
    });
  }

  void run() {
    while (!queue_.empty()) {
      step_();
      const std::uint32_t edge = queue_.top().edge;
      queue_.pop();
      const std::size_t added = halves_[edge][1] == kNone ? 1 : 2;
      if (mesh_.faces.size() + added > target_) continue;
      if (can_split(edge)) split(edge);
    }
  }

 private:
  struct Entry {
    double length2;
    std::uint32_t edge;
    /// For a heap with the longest on top; ties by number.
    bool operator<(const Entry& other) const {
      return length2 != other.length2 ? length2 < other.length2 : edge > other.edge;
    }
  };

  const Vec3& position(std::uint32_t half, std::uint32_t step) const {
    return mesh_.positions[mesh_.faces[half / 3][(half % 3 + step) % 3]];
  }

  std::uint32_t add_edge() {
    halves_.push_back({kNone, kNone});
    return static_cast<std::uint32_t>(halves_.size() - 1);
  }
  void attach(std::uint32_t edge, std::uint32_t half) {
    halves_[edge][halves_[edge][0] == kNone ? 0 : 1] = half;
    edge_at_[half] = edge;
  }
  void enqueue(std::uint32_t edge) {
    const std::uint32_t half = halves_[edge][0];
    const Vec3d along = to_double(position(half, 1)) - to_double(position(half, 0));
    queue_.push({dot(along, along), edge});
  }

  Vec3 middle(std::uint32_t edge) const {
    const std::uint32_t half = halves_[edge][0];
    return to_float((to_double(position(half, 0)) + to_double(position(half, 1))) * 0.5);
  }

  /// Whether the halves of its faces keep an area and look the same way, rounded as they are.
  bool can_split(std::uint32_t edge) const {
    const Vec3 m = middle(edge);
    for (const std::uint32_t half : halves_[edge]) {
      if (half == kNone) continue;
      const Vec3 a = position(half, 0), b = position(half, 1), c = position(half, 2);
      const Vec3d normal = area_normal({a, b, c});
      for (const Triangle& part : {Triangle{a, m, c}, Triangle{m, b, c}}) {
        if (collinear(part) || !(dot(area_normal(part), normal) > 0)) return false;
      }
    }
    return true;
  }

  void split(std::uint32_t edge) {
    const auto m = static_cast<std::uint32_t>(mesh_.positions.size());
    mesh_.positions.push_back(middle(edge));
    const std::array<std::uint32_t, 2> sides = halves_[edge];
    const std::uint32_t rest = add_edge();
    halves_[edge] = {kNone, kNone};
    // Seen from the first face the edge keeps its beginning; the second walks it the other way.
    split_side(sides[0], m, edge, rest);
    if (sides[1] != kNone) split_side(sides[1], m, rest, edge);
    enqueue(edge);
    enqueue(rest);
  }

  /// Face (x, y, z), of which `half` is x-y, becomes (x, m, z), and (m, y, z) is new.
  void split_side(std::uint32_t half,
                  std::uint32_t m,
                  std::uint32_t edge_xm,
                  std::uint32_t edge_my) {
    const std::uint32_t f = half / 3, i = half % 3, j = (i + 1) % 3, k = (i + 2) % 3;
    const std::uint32_t y = mesh_.faces[f][j], z = mesh_.faces[f][k];
    const auto g = static_cast<std::uint32_t>(mesh_.faces.size());
    mesh_.faces[f][j] = m;
    mesh_.faces.push_back({m, y, z});
    edge_at_.resize(3 * mesh_.faces.size(), kNone);
    const std::uint32_t edge_yz = edge_at_[3 * f + j];
    edge_at_[3 * g + 1] = edge_yz;
    if (edge_yz != kNone) {
      for (std::uint32_t& h : halves_[edge_yz]) h = h == 3 * f + j ? 3 * g + 1 : h;
    }
    const std::uint32_t cut = add_edge();
    attach(cut, 3 * f + j);
    attach(cut, 3 * g + 2);
    attach(edge_xm, half);
    attach(edge_my, 3 * g);
    enqueue(cut);
  }

  TriangleMesh& mesh_;
  std::size_t target_;
  PollSteps step_;
  std::vector<std::uint32_t> edge_at_;                // by half edge 3 * face + corner
  std::vector<std::array<std::uint32_t, 2>> halves_;  // by edge
  std::priority_queue<Entry> queue_;
};

}  // namespace

std::int64_t refine(TriangleMesh& mesh,
                    std::int64_t target_faces,
                    const std::function<void()>& poll) {
  return with_memory_errors("refine", [&] {
    SINTER_CHECK(target_faces <= std::int64_t{1} << 30,
                 ErrorCode::invalid_argument,
                 "[refine] faces: expected at most 2^30, got ",
                 target_faces);
    if (static_cast<std::int64_t>(mesh.faces.size()) < target_faces) {
      Refinement(mesh, target_faces, poll).run();
    }
    return static_cast<std::int64_t>(mesh.faces.size());
  });
}

}  // namespace sinter::mesh
