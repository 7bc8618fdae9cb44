// Wald, "On fast Construction of SAH-based Bounding Volume Hierarchies", IEEE Symposium on
// Interactive Ray Tracing 2007: top-down, split by the surface area heuristic over 16 bins.
// Ericson, "Real-Time Collision Detection", 2005, section 5.1.5, for the regions of a triangle.

#include "mesh/bvh.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "mesh/parallel.h"

namespace sinter::mesh {
namespace {

constexpr std::uint32_t kLeafFaces = 4;
constexpr std::size_t kBins = 16;
/// From here on down a node is cut into equal halves, which bounds the depth.
constexpr int kHeuristicDepth = 64;

double half_area(const Box& box) {
  const Vec3d size = to_double(box.max) - to_double(box.min);
  return size[0] * size[1] + size[1] * size[2] + size[2] * size[0];
}

double distance_square(const Box& box, const Vec3d& p) {
  double square = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double below = static_cast<double>(box.min[axis]) - p[axis];
    const double above = p[axis] - static_cast<double>(box.max[axis]);
    const double outside = std::max({below, above, 0.0});
    square += outside * outside;
  }
  return square;
}

Vec3d closest_on_segment(const Vec3d& a, const Vec3d& b, const Vec3d& query) {
  const Vec3d d = b - a;
  const double square = dot(d, d);
  const double t = square > 0 ? std::clamp(dot(query - a, d) / square, 0.0, 1.0) : 0;
  return a + d * t;
}

Vec3d closest_on_sides(const Vec3d& a, const Vec3d& b, const Vec3d& c, const Vec3d& query) {
  Vec3d best{};
  double best_square = std::numeric_limits<double>::infinity();
  for (const Vec3d& p : {closest_on_segment(a, b, query),
                         closest_on_segment(b, c, query),
                         closest_on_segment(c, a, query)}) {
    const double square = dot(p - query, p - query);
    if (square < best_square) {
      best_square = square;
      best = p;
    }
  }
  return best;
}

}  // namespace

Box Box::empty() {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  return {{kInfinity, kInfinity, kInfinity}, {-kInfinity, -kInfinity, -kInfinity}};
}

void Box::include(const Vec3& point) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    min[axis] = std::min(min[axis], point[axis]);
    max[axis] = std::max(max[axis], point[axis]);
  }
}

void Box::include(const Box& other) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    min[axis] = std::min(min[axis], other.min[axis]);
    max[axis] = std::max(max[axis], other.max[axis]);
  }
}

Box bounding_box(const Triangle& t) {
  Box box;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    box.min[axis] = std::min({t[0][axis], t[1][axis], t[2][axis]});
    box.max[axis] = std::max({t[0][axis], t[1][axis], t[2][axis]});
  }
  return box;
}

Vec3d closest_point(const Triangle& triangle, const Vec3d& query) {
  const Vec3d a = to_double(triangle[0]), b = to_double(triangle[1]), c = to_double(triangle[2]);
  const Vec3d n = cross(b - a, c - a);
  const double square = dot(n, n);
  // Weights of the corners, times `square`, of the projection onto the plane.
  const double wc = dot(n, cross(b - a, query - a));
  const double wa = dot(n, cross(c - b, query - b));
  const double wb = dot(n, cross(a - c, query - c));
  if (square > 0 && wa >= 0 && wb >= 0 && wc >= 0) {
    const double sum = wa + wb + wc;
    return a * (wa / sum) + b * (wb / sum) + c * (wc / sum);
  }
  return closest_on_sides(a, b, c, query);
}

/// One build: works on `order`, then copies the corners in leaf order.
struct Bvh::Builder {
  Bvh& bvh;
  const TriangleMesh& mesh;
  std::vector<Box> boxes;
  std::vector<Vec3> centers;
  std::vector<std::uint32_t> order;

  Builder(Bvh& target, const TriangleMesh& source) : bvh(target), mesh(source) {
    const std::size_t count = mesh.faces.size();
    boxes.resize(count);
    centers.resize(count);
    order.resize(count);
    std::iota(order.begin(), order.end(), 0u);
    for (std::size_t f = 0; f < count; ++f) {
      boxes[f] = bounding_box(corners(mesh, f));
      for (std::size_t axis = 0; axis < 3; ++axis) {
        centers[f][axis] = 0.5f * boxes[f].min[axis] + 0.5f * boxes[f].max[axis];
      }
    }
  }

  struct Range {
    std::uint32_t node, begin, end;
    int depth;
  };

  void run() {
    bvh.nodes_.reserve(mesh.faces.size());
    bvh.nodes_.push_back({});
    std::vector<Range> open = {{0, 0, static_cast<std::uint32_t>(order.size()), 0}};
    while (!open.empty()) {
      const Range range = open.back();
      open.pop_back();
      Box box = Box::empty();
      for (std::uint32_t n = range.begin; n < range.end; ++n) box.include(boxes[order[n]]);
      bvh.nodes_[range.node] = {box, range.begin, range.end - range.begin};
      if (range.end - range.begin <= kLeafFaces) continue;
      const std::uint32_t middle = split(range, box);
      const auto left = static_cast<std::uint32_t>(bvh.nodes_.size());
      bvh.nodes_[range.node].first = left;
      bvh.nodes_[range.node].count = 0;
      bvh.nodes_.resize(bvh.nodes_.size() + 2);
      open.push_back({left + 1, middle, range.end, range.depth + 1});
      open.push_back({left, range.begin, middle, range.depth + 1});
    }
    bvh.triangles_.resize(order.size());
    for (std::size_t n = 0; n < order.size(); ++n) bvh.triangles_[n] = corners(mesh, order[n]);
    bvh.faces_ = std::move(order);
  }

  /// Reorders the range and returns where its second part begins; neither part is empty.
  std::uint32_t split(const Range& range, const Box& box) {
    Box spread = Box::empty();
    for (std::uint32_t n = range.begin; n < range.end; ++n) spread.include(centers[order[n]]);
    std::size_t axis = 0;
    for (std::size_t a = 1; a < 3; ++a) {
      if (spread.max[a] - spread.min[a] > spread.max[axis] - spread.min[axis]) axis = a;
    }
    const auto begin = order.begin() + range.begin, end = order.begin() + range.end;
    if (range.depth < kHeuristicDepth && spread.max[axis] > spread.min[axis]) {
      const double scale = static_cast<double>(kBins) / (static_cast<double>(spread.max[axis]) -
                                                         static_cast<double>(spread.min[axis]));
      const auto bin_of = [&](std::uint32_t f) {
        const double t =
            static_cast<double>(centers[f][axis]) - static_cast<double>(spread.min[axis]);
        return std::min(static_cast<std::size_t>(t * scale), kBins - 1);
      };
      const std::size_t cut = best_cut(range, half_area(box), bin_of);
      const auto middle =
          std::partition(begin, end, [&](std::uint32_t f) { return bin_of(f) < cut; });
      if (middle != begin && middle != end) {
        return static_cast<std::uint32_t>(middle - order.begin());
      }
    }
    const auto middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end, [&](std::uint32_t f, std::uint32_t g) {
      return std::pair(centers[f][axis], f) < std::pair(centers[g][axis], g);
    });
    return static_cast<std::uint32_t>(middle - order.begin());
  }

  /// The number of bins left of the cheapest cut.
  template <class BinOf>
  std::size_t best_cut(const Range& range, double whole_area, BinOf&& bin_of) const {
    std::array<Box, kBins> bin_box;
    std::array<std::uint32_t, kBins> bin_count{};
    bin_box.fill(Box::empty());
    for (std::uint32_t n = range.begin; n < range.end; ++n) {
      const std::size_t bin = bin_of(order[n]);
      bin_box[bin].include(boxes[order[n]]);
      ++bin_count[bin];
    }
    std::array<double, kBins> right_cost{};
    Box box = Box::empty();
    double count = 0;
    for (std::size_t bin = kBins - 1; bin > 0; --bin) {
      box.include(bin_box[bin]);
      count += bin_count[bin];
      right_cost[bin] = count > 0 ? count * half_area(box) : whole_area * 1e3;
    }
    std::size_t best = kBins / 2;
    double best_cost = std::numeric_limits<double>::infinity();
    box = Box::empty();
    count = 0;
    for (std::size_t bin = 1; bin < kBins; ++bin) {
      box.include(bin_box[bin - 1]);
      count += bin_count[bin - 1];
      if (count == 0) continue;
      const double cost = count * half_area(box) + right_cost[bin];
      if (cost < best_cost) {
        best_cost = cost;
        best = bin;
      }
    }
    return best;
  }
};

Bvh::Bvh(const TriangleMesh& mesh) {
  SINTER_CHECK(!mesh.faces.empty(),
               ErrorCode::invalid_argument,
               "[bvh] mesh: expected at least one face, got none");
  with_memory_errors("bvh", [&] { Builder(*this, mesh).run(); });
}

ClosestPoint Bvh::closest(const Vec3d& query) const {
  struct Entry {
    std::uint32_t node;
    double square;
  };
  std::array<Entry, kMaxDepth> stack;
  std::size_t depth = 0;
  ClosestPoint best;
  double best_square = std::numeric_limits<double>::infinity();
  Entry at = {0, 0};
  for (;;) {
    const Node& node = nodes_[at.node];
    if (at.square < best_square && node.count == 0) {
      Entry near = {node.first, distance_square(nodes_[node.first].box, query)};
      Entry far = {node.first + 1, distance_square(nodes_[node.first + 1].box, query)};
      if (far.square < near.square) std::swap(near, far);
      stack[depth++] = far;
      at = near;
      continue;
    }
    if (at.square < best_square) {
      for (std::uint32_t n = node.first; n < node.first + node.count; ++n) {
        const Vec3d p = closest_point(triangles_[n], query);
        const double square = dot(p - query, p - query);
        if (square < best_square) {
          best_square = square;
          best.position = p;
          best.face = faces_[n];
        }
      }
    }
    if (depth == 0) break;
    at = stack[--depth];
  }
  best.distance = std::sqrt(best_square);
  return best;
}

}  // namespace sinter::mesh
