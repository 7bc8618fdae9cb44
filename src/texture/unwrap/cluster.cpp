#include "texture/unwrap/cluster.h"

// Bottom-up clustering: every face is a cluster, and the cheapest pairs of neighbours are joined.
// The cost is Ward's ("Hierarchical grouping to optimize an objective function", 1963) on normals,
// the L2,1 error of Cohen-Steiner, Alliez, Desbrun, "Variational shape approximation" (2004), plus
// a small share on positions that keeps clusters of flat regions compact.
//
// Instead of taking the single cheapest pair, every round joins all pairs whose members are each
// other's cheapest neighbour (reciprocal nearest neighbours); for Ward's cost that gives the same
// hierarchy, runs in parallel, and does not depend on an order of visits.

#include <algorithm>
#include <bit>
#include <numeric>

#include "cpu/threads.h"

namespace sinter::texture {
namespace {

/// Weight of squared distance (in units of the surface) beside squared difference of normals.
constexpr double kPositionWeight = 0.3;
/// Clusters whose mean normals differ by more than 66 degrees stay apart.
constexpr double kMinNormalCosine = 0.4;

struct Cluster {
  Vec3 normal;    ///< sum of area * unit normal
  Vec3 position;  ///< sum of area * middle
  double area = 0;
  double normal_length = 0;
  Vec3 low, high;

  void include(const Cluster& other) {
    normal += other.normal;
    position += other.position;
    area += other.area;
    normal_length = length(normal);
    low = {
        std::min(low.x, other.low.x), std::min(low.y, other.low.y), std::min(low.z, other.low.z)};
    high = {std::max(high.x, other.high.x),
            std::max(high.y, other.high.y),
            std::max(high.z, other.high.z)};
  }
};

struct Graph {
  std::vector<Cluster> clusters;
  /// Neighbours of cluster i: neighbours[begin[i]] .. neighbours[end[i] - 1], without repeats.
  std::vector<std::int64_t> begin, end;
  std::vector<std::int32_t> neighbours;
};

/// Orders pairs by cost in steps of a quarter octave, then at random: among equal costs (a flat
/// region) this leaves no long chains in which only one pair at a time is mutual.
struct PairKey {
  std::uint32_t cost = ~0u;
  std::uint32_t shuffle = ~0u;
  std::int32_t low = -1, high = -1;
  auto operator<=>(const PairKey&) const = default;
};

std::uint32_t shuffle_pair(std::int32_t low, std::int32_t high) {
  std::uint64_t x = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(low)) << 32) |
                    static_cast<std::uint32_t>(high);
  x = (x ^ (x >> 31)) * 0x7fb5d329728ea185u;
  x = (x ^ (x >> 27)) * 0x81dadef4bc2dd44du;
  return static_cast<std::uint32_t>(x >> 32);
}

/// Key of joining the two clusters; `low` stays -1 where they must stay apart.
PairKey pair_key(const Graph& graph,
                 std::int32_t i,
                 std::int32_t j,
                 const ClusterOptions& options) {
  const std::int32_t low = std::min(i, j), high = std::max(i, j);
  const Cluster& a = graph.clusters[static_cast<std::size_t>(low)];
  const Cluster& b = graph.clusters[static_cast<std::size_t>(high)];
  const double joint_length = length(a.normal + b.normal);
  const double area = a.area + b.area;
  if (2 * (area - joint_length) > options.max_deviation * area) return {};
  if (dot(a.normal, b.normal) < kMinNormalCosine * a.normal_length * b.normal_length) return {};
  const Vec3 diagonal{std::max(a.high.x, b.high.x) - std::min(a.low.x, b.low.x),
                      std::max(a.high.y, b.high.y) - std::min(a.low.y, b.low.y),
                      std::max(a.high.z, b.high.z) - std::min(a.low.z, b.low.z)};
  if (dot(diagonal, diagonal) > options.max_extent * options.max_extent) return {};

  double cost = std::max(0.0, 2 * (a.normal_length + b.normal_length - joint_length));
  if (a.area > 0 && b.area > 0) {
    const Vec3 apart = (1 / a.area) * a.position - (1 / b.area) * b.position;
    cost += kPositionWeight * a.area * b.area / area * dot(apart, apart);
  }
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(cost));
  return {bits >> 21, shuffle_pair(low, high), low, high};
}

/// Joins mutual best pairs; `target` receives by old cluster its new one. Returns false where no
/// pair is left.
bool join_round(Graph& graph, std::vector<std::int32_t>& target, const ClusterOptions& options) {
  const auto count = static_cast<std::int64_t>(graph.clusters.size());
  std::vector<std::int32_t> best(index(count), -1);
  cpu::parallel_ranges(options.threads, count, [&](auto begin, auto end, int) {
    for (auto i = begin; i < end; ++i) {
      PairKey best_key;
      for (auto n = graph.begin[index(i)]; n < graph.end[index(i)]; ++n) {
        const std::int32_t j = graph.neighbours[index(n)];
        const PairKey key = pair_key(graph, static_cast<std::int32_t>(i), j, options);
        if (key.low >= 0 && key < best_key) {
          best_key = key;
          best[index(i)] = j;
        }
      }
    }
  });

  // number the new clusters by their lowest member
  target.assign(index(count), -1);
  std::vector<std::int32_t> first_member;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t j = best[index(i)];
    const bool joined = j >= 0 && best[index(j)] == i;
    if (joined && j < i) {
      target[index(i)] = target[index(j)];
    } else {
      target[index(i)] = static_cast<std::int32_t>(first_member.size());
      first_member.push_back(static_cast<std::int32_t>(i));
    }
  }
  const auto new_count = static_cast<std::int64_t>(first_member.size());
  if (new_count == count) return false;

  const auto partner = [&](std::int32_t i) {
    const std::int32_t j = best[index(i)];
    return j >= 0 && best[index(j)] == i ? j : -1;
  };
  Graph next;
  next.clusters.resize(index(new_count));
  next.begin.resize(index(new_count));
  next.end.resize(index(new_count));
  std::int64_t room = 0;
  for (std::int64_t c = 0; c < new_count; ++c) {
    const std::int32_t i = first_member[index(c)], j = partner(i);
    next.begin[index(c)] = room;
    room += graph.end[index(i)] - graph.begin[index(i)];
    if (j >= 0) room += graph.end[index(j)] - graph.begin[index(j)];
  }
  next.neighbours.resize(index(room));
  cpu::parallel_ranges(options.threads, new_count, [&](auto begin, auto end, int) {
    for (auto c = begin; c < end; ++c) {
      const std::int32_t i = first_member[index(c)], j = partner(i);
      next.clusters[index(c)] = graph.clusters[index(i)];
      if (j >= 0) next.clusters[index(c)].include(graph.clusters[index(j)]);
      std::int32_t* const out = next.neighbours.data() + next.begin[index(c)];
      std::int32_t* last = out;
      for (const std::int32_t member : {i, j}) {
        if (member < 0) continue;
        for (auto n = graph.begin[index(member)]; n < graph.end[index(member)]; ++n) {
          const std::int32_t other = target[index(graph.neighbours[index(n)])];
          if (other != c) *last++ = other;
        }
      }
      std::sort(out, last);
      next.end[index(c)] = next.begin[index(c)] + (std::unique(out, last) - out);
    }
  });
  graph = std::move(next);
  return true;
}

/// Clusters of one face each for the faces in `members`; `node` is the cluster of each face.
Graph face_graph(const Surface& surface,
                 std::span<const std::int32_t> labels,
                 std::span<const std::uint32_t> members,
                 std::span<const std::int32_t> node) {
  Graph graph;
  graph.clusters.resize(members.size());
  graph.begin.resize(members.size());
  graph.end.resize(members.size());
  graph.neighbours.resize(3 * members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::size_t f = members[i];
    Cluster& cluster = graph.clusters[i];
    const auto& p = surface.corners[f];
    cluster.area = surface.area[f];
    cluster.normal = cluster.area * surface.normal[f];
    cluster.position = (cluster.area / 3) * (p[0] + p[1] + p[2]);
    cluster.normal_length = length(cluster.normal);
    cluster.low = {std::min({p[0].x, p[1].x, p[2].x}),
                   std::min({p[0].y, p[1].y, p[2].y}),
                   std::min({p[0].z, p[1].z, p[2].z})};
    cluster.high = {std::max({p[0].x, p[1].x, p[2].x}),
                    std::max({p[0].y, p[1].y, p[2].y}),
                    std::max({p[0].z, p[1].z, p[2].z})};
    std::int32_t* const out = graph.neighbours.data() + 3 * i;
    std::int32_t* last = out;
    for (std::size_t k = 0; k < 3; ++k) {
      const std::int32_t h = surface.topology.opposite[3 * f + k];
      if (h >= 0 && labels[index(h / 3)] == labels[f]) *last++ = node[index(h / 3)];
    }
    std::sort(out, last);
    graph.begin[i] = static_cast<std::int64_t>(3 * i);
    graph.end[i] = graph.begin[i] + (std::unique(out, last) - out);
  }
  return graph;
}

}  // namespace

std::int32_t cluster_faces(const Surface& surface,
                           const ClusterOptions& options,
                           std::span<std::int32_t> labels) {
  std::vector<std::uint32_t> members;
  std::vector<std::int32_t> node(labels.size(), -1);
  for (std::size_t f = 0; f < labels.size(); ++f) {
    if (labels[f] < 0) continue;
    node[f] = static_cast<std::int32_t>(members.size());
    members.push_back(static_cast<std::uint32_t>(f));
  }
  Graph graph = face_graph(surface, labels, members, node);
  std::vector<std::int32_t> of_member(members.size());
  std::iota(of_member.begin(), of_member.end(), 0);
  std::vector<std::int32_t> target;
  while (join_round(graph, target, options)) {
    cpu::parallel_ranges(
        options.threads, static_cast<std::int64_t>(members.size()), [&](auto begin, auto end, int) {
          for (auto i = begin; i < end; ++i) {
            of_member[index(i)] = target[index(of_member[index(i)])];
          }
        });
  }
  for (std::size_t i = 0; i < members.size(); ++i) labels[members[i]] = of_member[i];
  return static_cast<std::int32_t>(graph.clusters.size());
}

std::int32_t split_components(const Surface& surface, std::span<std::int32_t> labels) {
  constexpr std::int32_t kUnvisited = -2;
  std::vector<std::int32_t> part(labels.size(), kUnvisited);
  std::vector<std::uint32_t> stack;
  std::int32_t parts = 0;
  for (std::size_t seed = 0; seed < labels.size(); ++seed) {
    if (labels[seed] < 0 || part[seed] != kUnvisited) continue;
    part[seed] = parts;
    stack.assign(1, static_cast<std::uint32_t>(seed));
    while (!stack.empty()) {
      const std::size_t f = stack.back();
      stack.pop_back();
      for (std::size_t k = 0; k < 3; ++k) {
        const std::int32_t h = surface.topology.opposite[3 * f + k];
        if (h < 0) continue;
        const std::size_t g = index(h / 3);
        if (labels[g] != labels[f] || part[g] != kUnvisited) continue;
        part[g] = parts;
        stack.push_back(static_cast<std::uint32_t>(g));
      }
    }
    ++parts;
  }
  for (std::size_t f = 0; f < labels.size(); ++f) {
    if (labels[f] >= 0) labels[f] = part[f];
  }
  return parts;
}

}  // namespace sinter::texture
