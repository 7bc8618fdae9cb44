// Garland and Heckbert, "Surface Simplification Using Quadric Error Metrics", SIGGRAPH 1997, with
// the guards that keep a sound mesh sound: the link condition (topology), a limit on how far a face
// may turn and how thin it may get (geometry), and an exact test of the new faces against every
// face near them (self-intersection). Quadrics are weighted by area and carry a small pull towards
// the centre of each face, which keeps the optimum unique and the triangles even where the surface
// is flat.

#include "mesh/simplify.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "mesh/candidate_heap.h"
#include "mesh/collapse_mesh.h"
#include "mesh/face_tree.h"
#include "mesh/parallel.h"
#include "mesh/predicates.h"
#include "mesh/quadric.h"
#include "mesh/vector_math.h"

namespace sinter::mesh {
namespace {

/// Weight of the pull towards face centres, relative to that of the planes.
constexpr double kCenterWeight = 1e-6;

/// Least cosine between a face's normal before and after a collapse; tried in turn, each when the
/// one before leads no further.
constexpr double kTurnLimits[] = {0.5, 0.2, 0.02};
/// Faces of less than this quality make a collapse dearer, in proportion to the square.
constexpr double kGoodQuality = 0.2;
/// Faces of less than this quality are not made, unless they were worse before.
constexpr double kLeastQuality = 1e-3;

/// 2 * area / (longest side)^2.
double quality_of(const Triangle& t) {
  const Vec3d a = to_double(t[0]), b = to_double(t[1]), c = to_double(t[2]);
  const double longest = std::max({dot(b - a, b - a), dot(c - b, c - b), dot(a - c, a - c)});
  return longest > 0 ? length(area_normal(t)) / longest : 0;
}

class Simplification {
 public:
  Simplification(const TriangleMesh& mesh, const SimplifyOptions& options)
      : options_(options),
        mesh_(mesh),
        start_faces_(mesh_.live_faces()),
        tree_(mesh_),
        quadrics_(mesh.positions.size()),
        version_(mesh.positions.size()),
        in_star_(mesh_.face_slots()) {
    Box box = Box::empty();
    for (const Vec3& p : mesh.positions) box.include(p);
    center_ = (to_double(box.min) + to_double(box.max)) * 0.5;
    for (std::uint32_t f = 0; f < mesh_.face_slots(); ++f) add_face_quadric(f);
  }

  TriangleMesh run() {
    for (const double limit : kTurnLimits) {
      turn_limit_ = limit;
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
    return {static_cast<float>(std::max(place(u, v).cost, 0.0)), u, v, tag(u, v)};
  }

  std::uint32_t tag(std::uint32_t u, std::uint32_t v) const {
    return 2 * (version_[u] + version_[v]);
  }

  void fill_queue() {
    std::vector<Candidate> all;
    for (std::uint32_t f = 0; f < mesh_.face_slots(); ++f) {
      if (!mesh_.is_live(f)) continue;
      const Face& face = mesh_.face(f);
      for (std::size_t i = 0; i < 3; ++i) {
        const std::uint32_t u = face[i], v = face[(i + 1) % 3];
        const bool both_fixed = mesh_.is_fixed(u) && mesh_.is_fixed(v);
        // Each edge from the face in which it runs upwards. Only edges between two fixed vertices
        // may lack that face.
        if (u < v && !both_fixed) all.push_back(candidate(u, v));
      }
    }
    queue_.assign(std::move(all));
  }

  void drain_queue() {
    while (!queue_.empty() && !done()) {
      const Candidate top = queue_.top();
      queue_.pop();
      if (!mesh_.is_used(top.u) || !mesh_.is_used(top.v) || (top.tag & ~1u) != tag(top.u, top.v)) {
        continue;
      }
      if (mesh_.can_collapse(top.u, top.v)) try_collapse(top);
    }
    if (done()) queue_.clear();
  }

  // ---- one collapse ----

  void try_collapse(Candidate candidate) {
    std::uint32_t u = candidate.u, v = candidate.v;
    if (mesh_.is_fixed(v)) std::swap(u, v);
    const Vec3 position = place(u, v).position;
    collect_star(u, v, position);
    const double penalty = shape_penalty();
    if (penalty == 0) return;
    if (!candidate.is_shaped()) {
      candidate.cost *= static_cast<float>(penalty);
      candidate.tag |= 1;
      if (!queue_.empty() && queue_.top().before(candidate)) {
        queue_.push(candidate);
        return;
      }
    }
    if (!star_is_free()) return;
    quadrics_[u].add(quadrics_[v]);
    mesh_.collapse(u, v, position);
    for (const std::uint32_t f : touched_) tree_.update(mesh_, f);
    if (2 * mesh_.live_faces() < tree_.built_for()) tree_ = FaceTree(mesh_);
    ++version_[u];
    requeue(u);
    report();
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

  /// A face that stays, with the moved corner first.
  struct StarFace {
    Triangle before, after;
    Box box;  ///< of `after`
  };
  struct NearFace {
    Triangle triangle;
    Box box;
  };

  void collect_star(std::uint32_t u, std::uint32_t v, const Vec3& position) {
    ++star_;
    touched_.clear();
    faces_.clear();
    for (const std::uint32_t end : {u, v}) {
      const std::uint32_t other = end == u ? v : u;
      mesh_.for_each_face(end, [&](std::uint32_t f, std::uint32_t i) {
        const Face& face = mesh_.face(f);
        const std::uint32_t p = face[(i + 1) % 3], q = face[(i + 2) % 3];
        if (in_star_[f] != star_) touched_.push_back(f);
        in_star_[f] = star_;
        if (p == other || q == other) return;
        faces_.push_back({{mesh_.position(end), mesh_.position(p), mesh_.position(q)},
                          {position, mesh_.position(p), mesh_.position(q)},
                          {}});
      });
    }
  }

  /// Factor on the cost for faces that turn or get thin; 0 where they must not.
  double shape_penalty() const {
    double worst = 1;
    for (const StarFace& face : faces_) {
      if (collinear(face.after)) return 0;
      const Vec3d before = area_normal(face.before), after = area_normal(face.after);
      const double lengths = length(before) * length(after);
      if (lengths > 0 && dot(before, after) < turn_limit_ * lengths) return 0;
      const double quality = quality_of(face.after);
      if (quality < kLeastQuality && quality < quality_of(face.before)) return 0;
      worst = std::min(worst, quality);
    }
    return worst < kGoodQuality ? std::pow(kGoodQuality / std::max(worst, kLeastQuality), 2) : 1;
  }

  /// Whether the new faces meet nothing but their neighbours, in what they share with them.
  bool star_is_free() {
    Box star = Box::empty();
    for (StarFace& face : faces_) {
      face.box = bounding_box(face.after);
      star.include(face.box);
    }
    near_.clear();
    tree_.for_each_near(star, [&](std::uint32_t f) {
      if (!mesh_.is_live(f) || in_star_[f] == star_) return;
      const Triangle t = mesh_.triangle(f);
      const Box box = bounding_box(t);
      if (star.meets(box)) near_.push_back({t, box});
    });
    for (std::size_t n = 0; n < faces_.size(); ++n) {
      const StarFace& face = faces_[n];
      for (std::size_t m = 0; m < n; ++m) {
        if (triangles_intersect(face.after, faces_[m].after)) return false;
      }
      for (const NearFace& other : near_) {
        if (!face.box.meets(other.box) || collinear(other.triangle)) continue;
        if (triangles_intersect(face.after, other.triangle)) return false;
      }
    }
    return true;
  }

  void report() {
    if (!options_.progress || mesh_.live_faces() % 4096 > 1) return;
    const auto removed = static_cast<double>(start_faces_ - mesh_.live_faces());
    options_.progress(
        std::min(1.0, removed / static_cast<double>(start_faces_ - options_.target_faces)));
  }

  const SimplifyOptions& options_;
  CollapseMesh mesh_;
  std::int64_t start_faces_;
  FaceTree tree_;
  Vec3d center_{};
  std::vector<Quadric> quadrics_;       // by vertex, about center_
  std::vector<std::uint32_t> version_;  // by vertex: how often it has moved
  CandidateHeap queue_;
  double turn_limit_ = 0;

  // of the collapse at hand
  std::uint32_t star_ = 0;
  std::vector<std::uint32_t> in_star_;  // by face: the last star it was in
  std::vector<std::uint32_t> touched_, ring_;
  std::vector<StarFace> faces_;
  std::vector<NearFace> near_;
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
