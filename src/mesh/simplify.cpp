// Garland and Heckbert, "Surface Simplification Using Quadric Error Metrics", SIGGRAPH 1997, with
// the guards that keep a sound mesh sound: the link condition (topology), a limit on how far a face
// may turn and how thin it may get (geometry), and an exact test of the new faces against every
// face near them (self-intersection). Quadrics are weighted by area and carry a small pull towards
// the centre of each face, which keeps the optimum unique and the triangles even where the surface
// is flat.

#include "mesh/simplify.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "core/error.h"
#include "mesh/collapse_mesh.h"
#include "mesh/collapse_queue.h"
#include "mesh/collapse_star.h"
#include "mesh/curve_order.h"
#include "mesh/face_tree.h"
#include "mesh/parallel.h"
#include "mesh/poll_steps.h"
#include "mesh/quadric.h"
#include "mesh/union_find.h"
#include "mesh/vector_math.h"

namespace sinter::mesh {
namespace {

/// Weight of the pull towards face centres, relative to that of the planes.
constexpr double kCenterWeight = 1e-6;

/// What a collapse may do; tried in turn, each when the one before leads no further.
struct Stage {
  double turn_limit;  ///< least cosine between a face's normal before and after
  bool any_place;     ///< where the cheapest place is refused, others are tried
};
constexpr Stage kStages[] = {{0.5, false}, {0.2, false}, {0.02, false}, {0.02, true}, {-1, true}};

/// Faces may turn over on pieces of this size at most: the whole of the piece is looked at.
constexpr std::int64_t kMostTurned = 1000;
/// A thin piece of so few faces can turn inside out though no face of it turns far.
constexpr std::int64_t kMostWatched = 100;

class Simplification {
 public:
  Simplification(const TriangleMesh& mesh, const SimplifyOptions& options)
      : options_(options),
        mesh_(in_curve_order(mesh, options.poll), options.poll),
        start_faces_(mesh_.live_faces()),
        tree_(mesh_),
        star_(mesh_),
        quadrics_(mesh.positions.size()),
        version_(mesh.positions.size()) {
    Box box = Box::empty();
    for (const Vec3& p : mesh.positions) box.include(p);
    center_ = (to_double(box.min) + to_double(box.max)) * 0.5;
    const double size = length(to_double(box.max) - to_double(box.min));
    cost_scale_ = 1 / (size * size * size * size);
    for (std::uint32_t f = 0; f < mesh_.face_slots(); ++f) {
      add_face_quadric(f);
      step_();
    }
    find_pieces();
  }

  TriangleMesh run() {
    for (const Stage& stage : kStages) {
      stage_ = stage;
      // A round can open the way for collapses that were refused before.
      for (std::int64_t before = -1; !done() && before != mesh_.live_faces();) {
        before = mesh_.live_faces();
        fill_queue();
        drain_queue();
      }
    }
    return mesh_.extract();
  }

 private:
  bool done() const { return mesh_.live_faces() <= options_.target_faces; }

  void add_face_quadric(std::uint32_t f) {
    const Triangle t = mesh_.triangle(f);
    const Vec3d normal = area_normal(t);
    const double twice_area = length(normal);
    if (!(twice_area > 0)) return;
    const Vec3d n = normal * (1 / twice_area);
    const Vec3d a = to_double(t[0]) - center_, b = to_double(t[1]) - center_,
                c = to_double(t[2]) - center_;
    Quadric q;
    q.add_plane(n, -dot(n, a), twice_area);
    q.add_point((a + b + c) * (1.0 / 3), kCenterWeight * twice_area);
    for (const std::uint32_t v : mesh_.face(f)) quadrics_[v].add(q);
  }

  void find_pieces() {
    UnionFind pieces(mesh_.vertex_count());
    for (std::uint32_t f = 0; f < mesh_.face_slots(); ++f) {
      pieces.join(mesh_.face(f)[0], mesh_.face(f)[1]);
      pieces.join(mesh_.face(f)[0], mesh_.face(f)[2]);
    }
    piece_.resize(mesh_.vertex_count());
    piece_size_.resize(mesh_.vertex_count());
    for (std::uint32_t v = 0; v < mesh_.vertex_count(); ++v) piece_[v] = pieces.find(v);
    for (std::uint32_t f = 0; f < mesh_.face_slots(); ++f) ++piece_size_[piece_[mesh_.face(f)[0]]];
  }

  // ---- candidates ----

  /// Where the edge's vertex goes, rounded as it will be stored, and what that costs.
  struct Placement {
    Vec3 position;
    double cost;
  };

  Placement place(std::uint32_t u, std::uint32_t v) const {
    Quadric q = quadrics_[u];
    q.add(quadrics_[v]);
    const Vec3d a = to_double(mesh_.position(u)) - center_;
    const Vec3d b = to_double(mesh_.position(v)) - center_;
    if (mesh_.is_fixed(u)) return {mesh_.position(u), q(a)};
    if (mesh_.is_fixed(v)) return {mesh_.position(v), q(b)};
    Vec3d best = (a + b) * 0.5;
    Vec3d optimum;
    // An optimum far from the edge comes from planes that hardly differ.
    const bool near =
        q.minimum(optimum) && dot(optimum - best, optimum - best) <= 4 * dot(b - a, b - a);
    if (near) {
      best = optimum;
    } else {
      if (q(a) < q(best)) best = a;
      if (q(b) < q(best)) best = b;
    }
    const Vec3 rounded = to_float(best + center_);
    return {rounded, q(to_double(rounded) - center_)};
  }

  Candidate candidate(std::uint32_t u, std::uint32_t v) const {
    if (u > v) std::swap(u, v);
    const double cost = place(u, v).cost * cost_scale_;
    return {cost > 0 ? static_cast<float>(cost) : 0, u, v, tag(u, v)};
  }

  std::uint32_t tag(std::uint32_t u, std::uint32_t v) const {
    return 2 * (version_[u] + version_[v]);
  }

  void fill_queue() {
    for (std::uint32_t f = 0; f < mesh_.face_slots(); ++f) {
      step_();
      if (!mesh_.is_live(f)) continue;
      const Face& face = mesh_.face(f);
      for (std::size_t i = 0; i < 3; ++i) {
        const std::uint32_t u = face[i], v = face[(i + 1) % 3];
        const bool both_fixed = mesh_.is_fixed(u) && mesh_.is_fixed(v);
        // Each edge from the face in which it runs upwards. Only edges between two fixed vertices
        // may lack that face.
        if (u < v && !both_fixed) queue_.push(candidate(u, v));
      }
    }
  }

  void drain_queue() {
    while (!queue_.empty() && !done()) {
      step_();
      const Candidate next = queue_.pop();
      if (is_current(next) && mesh_.can_collapse(next.u, next.v)) try_collapse(next);
    }
    if (done()) queue_.clear();
  }

  // ---- one collapse ----

  void try_collapse(Candidate candidate) {
    std::uint32_t u = candidate.u, v = candidate.v;
    if (mesh_.is_fixed(v)) std::swap(u, v);
    Vec3 position = place(u, v).position;
    star_.collect(u, v, position);
    const double penalty = star_.shape_penalty(stage_.turn_limit);
    if (penalty > 0 && !candidate.is_shaped()) {
      candidate.cost *= static_cast<float>(penalty);
      candidate.tag |= 1;
      if (queue_.would_wait(candidate.cost)) {
        queue_.push(candidate);
        return;
      }
    }
    if (!(penalty > 0 && is_allowed(u, v, position)) && !find_place(u, v, position)) return;
    quadrics_[u].add(quadrics_[v]);
    piece_size_[piece_[u]] -= 2;
    mesh_.collapse(u, v, position);
    for (const std::uint32_t f : star_.touched()) tree_.update(mesh_, f);
    ++version_[u];
    requeue(u);
    if (2 * mesh_.live_faces() < tree_.built_for()) compact();
    report();
  }

  bool is_allowed(std::uint32_t u, std::uint32_t v, const Vec3& position) {
    if (!star_.is_free(tree_)) return false;
    const std::int64_t size = piece_size_[piece_[u]];
    if (stage_.turn_limit >= 0) return size > kMostWatched || keeps_side(u, v, position);
    return size <= kMostTurned && keeps_side(u, v, position);
  }

  /// Tries places along the edge and towards the middle of the ring around it.
  bool find_place(std::uint32_t u, std::uint32_t v, Vec3& position) {
    if (!stage_.any_place || mesh_.is_fixed(u)) return false;
    const Vec3d a = to_double(mesh_.position(u)), b = to_double(mesh_.position(v));
    Vec3d middle{};
    int count = 0;
    for (const std::uint32_t end : {u, v}) {
      mesh_.for_each_face(end, [&](std::uint32_t f, std::uint32_t i) {
        const std::uint32_t w = mesh_.face(f)[(i + 1) % 3];
        if (w == u || w == v) return;
        middle = middle + to_double(mesh_.position(w));
        ++count;
      });
    }
    middle = middle * (1.0 / count);
    for (const double inwards : {0.0, 0.25, 0.5, 0.75, 1.0}) {
      for (const double along : {0.5, 0.0, 1.0, 0.25, 0.75}) {
        step_();
        const Vec3d on_edge = a + (b - a) * along;
        position = to_float(on_edge + (middle - on_edge) * inwards);
        star_.collect(u, v, position);
        if (star_.shape_penalty(stage_.turn_limit) > 0 && is_allowed(u, v, position)) return true;
      }
    }
    return false;
  }

  /// Whether the piece would face the side that it faces now: uncut, it could still be inside out.
  bool keeps_side(std::uint32_t u, std::uint32_t v, const Vec3& position) const {
    double before = 0, after = 0, size = 0;
    std::vector<std::uint32_t> vertices = {u};
    std::unordered_set<std::uint32_t> seen_vertices = {u}, seen_faces;
    const auto moved = [&](std::uint32_t w) {
      return to_double(w == u || w == v ? position : mesh_.position(w)) - to_double(position);
    };
    for (std::size_t n = 0; n < vertices.size(); ++n) {
      if (mesh_.is_fixed(vertices[n])) return stage_.turn_limit >= 0;  // open: it has no inside
      mesh_.for_each_face(vertices[n], [&](std::uint32_t f, std::uint32_t) {
        if (!seen_faces.insert(f).second) return;
        const Face& face = mesh_.face(f);
        std::array<Vec3d, 3> old;
        for (std::size_t i = 0; i < 3; ++i) {
          old[i] = to_double(mesh_.position(face[i])) - to_double(position);
          if (seen_vertices.insert(face[i]).second) vertices.push_back(face[i]);
        }
        before += dot(old[0], cross(old[1], old[2]));
        const double term = dot(moved(face[0]), cross(moved(face[1]), moved(face[2])));
        after += term;
        size += std::abs(term);
      });
    }
    return std::abs(after) > 1e-12 * size && (after > 0) == (before > 0);
  }

  bool is_current(const Candidate& candidate) const {
    return mesh_.is_used(candidate.u) && mesh_.is_used(candidate.v) &&
           (candidate.tag & ~1u) == tag(candidate.u, candidate.v);
  }

  /// Everything that is left moves together.
  void compact() {
    std::vector<Quadric> quadrics;
    std::vector<std::uint32_t> number(mesh_.vertex_count());
    const auto drop_stale = [&](const Candidate& c) { return is_current(c); };
    queue_.revise(drop_stale);
    for (const std::uint32_t v : mesh_.compact()) {
      number[v] = static_cast<std::uint32_t>(quadrics.size());
      quadrics.push_back(quadrics_[v]);
      piece_[number[v]] = piece_[v];
    }
    queue_.revise([&](Candidate& c) {
      c = {c.cost, number[c.u], number[c.v], c.tag & 1};
      return true;
    });
    quadrics_ = std::move(quadrics);
    version_.assign(quadrics_.size(), 0);
    tree_ = FaceTree(mesh_);
    star_.reset();
  }

  void requeue(std::uint32_t u) {
    ring_.clear();
    mesh_.for_each_face(u, [&](std::uint32_t f, std::uint32_t i) {
      ring_.push_back(mesh_.face(f)[(i + 1) % 3]);
      if (mesh_.is_fixed(u)) ring_.push_back(mesh_.face(f)[(i + 2) % 3]);
    });
    for (const std::uint32_t w : ring_) {
      if (!mesh_.is_fixed(u) || !mesh_.is_fixed(w)) queue_.push(candidate(u, w));
    }
  }

  void report() {
    if (!options_.progress || mesh_.live_faces() % 4096 > 1) return;
    const auto removed = static_cast<double>(start_faces_ - mesh_.live_faces());
    options_.progress(
        std::min(1.0, removed / static_cast<double>(start_faces_ - options_.target_faces)));
  }

  const SimplifyOptions& options_;
  PollSteps step_{options_.poll};
  CollapseMesh mesh_;
  std::int64_t start_faces_;
  FaceTree tree_;
  CollapseStar star_;
  Vec3d center_{};
  double cost_scale_ = 1;  // an area times a square of a distance becomes a number without unit
  std::vector<Quadric> quadrics_;         // by vertex, about center_
  std::vector<std::uint32_t> piece_;      // by vertex: the piece that it belongs to
  std::vector<std::int64_t> piece_size_;  // by piece: faces left
  std::vector<std::uint32_t> version_;    // by vertex: how often it has moved
  CollapseQueue queue_;
  Stage stage_{};

  std::vector<std::uint32_t> ring_;  // scratch
};

void check_input(const TriangleMesh& mesh, const SimplifyOptions& options) {
  SINTER_CHECK(options.target_faces >= 4,
               ErrorCode::invalid_argument,
               "[simplify] faces: expected 4 or more, got ",
               options.target_faces);
  for (const Face& face : mesh.faces) {
    for (const std::uint32_t v : face) {
      SINTER_CHECK(v < mesh.positions.size(),
                   ErrorCode::invalid_argument,
                   "[simplify] mesh: expected vertex indices below ",
                   mesh.positions.size(),
                   ", got ",
                   v);
      const Vec3& p = mesh.positions[v];
      SINTER_CHECK(std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2]),
                   ErrorCode::invalid_argument,
                   "[simplify] mesh: expected finite positions, got vertex ",
                   v,
                   " at (",
                   p[0],
                   ", ",
                   p[1],
                   ", ",
                   p[2],
                   ")");
    }
  }
}

}  // namespace

SimplifyResult simplify(TriangleMesh& mesh, const SimplifyOptions& options) {
  check_input(mesh, options);
  return with_memory_errors("simplify", [&] {
    if (static_cast<std::int64_t>(mesh.faces.size()) > options.target_faces) {
      mesh = Simplification(mesh, options).run();
    }
    if (options.progress) options.progress(1);
    const auto faces = static_cast<std::int64_t>(mesh.faces.size());
    return SimplifyResult{faces, faces <= options.target_faces};
  });
}

}  // namespace sinter::mesh
