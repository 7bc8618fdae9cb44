#include "texture/unwrap/join.h"

#include <algorithm>
#include <limits>
#include <numbers>
#include <unordered_set>
#include <utility>

#include "mesh/parallel.h"
#include "texture/unwrap/flatten.h"
#include "texture/unwrap/stitch.h"

namespace sinter::texture {
namespace {

/// What two charts share of the shorter border: with less, the joint chart is not compact and
/// mostly overlaps itself.
constexpr double kMinShare = 0.2;
/// How far apart the two sides of a join may lie before it is relaxed, root of the mean square in
/// units of the root of the smaller chart's area.
constexpr double kMaxResidual = 0.2;
/// Largest s1 of a joint chart, unless its parts have more.
constexpr double kMostStretch = 2.5;

/// Longest side of the narrowest of a few boxes around the points.
double longest_side(const std::vector<Vec2>& points) {
  constexpr int kAngles = 6;
  double least = std::numeric_limits<double>::max();
  for (int i = 0; i < kAngles; ++i) {
    const double angle = std::numbers::pi / 2 * i / kAngles;
    const Vec2 u{std::cos(angle), std::sin(angle)}, v = perpendicular(u);
    double u0 = std::numeric_limits<double>::max(), u1 = -u0, v0 = u0, v1 = -u0;
    for (const Vec2 p : points) {
      u0 = std::min(u0, dot(u, p));
      u1 = std::max(u1, dot(u, p));
      v0 = std::min(v0, dot(v, p));
      v1 = std::max(v1, dot(v, p));
    }
    least = std::min(least, std::max(u1 - u0, v1 - v0));
  }
  return least;
}

class Joiner {
 public:
  Joiner(const Surface& surface,
         const JoinOptions& options,
         FaceSlots& slots,
         std::vector<Chart>& charts)
      : surface_(surface), options_(options), slots_(slots), charts_(charts) {
    owner_.assign(surface.faces(), -1);
    for (std::size_t c = 0; c < charts.size(); ++c) {
      for (const std::uint32_t f : charts[c].faces) owner_[f] = static_cast<std::int32_t>(c);
    }
    candidates_.resize(charts.size());
    stale_.assign(charts.size(), 1);
  }

  void run() {
    while (true) {
      const auto pairs = choose_pairs();
      if (pairs.empty()) break;
      std::vector<Chart> joint(pairs.size());
      std::vector<std::uint8_t> accepted(pairs.size(), 0);
      mesh::parallel_blocks(
          options_.threads, static_cast<std::int64_t>(pairs.size()), 1, [&](auto begin, auto end) {
            for (auto p = index(begin); p < index(end); ++p) {
              accepted[p] = try_join(pairs[p].first, pairs[p].second, joint[p]);
            }
          });
      for (std::size_t p = 0; p < pairs.size(); ++p) {
        if (accepted[p]) {
          adopt(pairs[p].first, pairs[p].second, std::move(joint[p]));
        } else {
          rejected_.insert(pair_id(pairs[p].first, pairs[p].second));
        }
      }
    }
    std::erase_if(charts_, [](const Chart& c) { return c.faces.empty(); });
  }

 private:
  struct Candidate {
    double score = 0;
    std::int32_t other = -1;
  };

  void refresh(std::int32_t c) {
    auto& list = candidates_[index(c)];
    list.clear();
    double perimeter = 0;
    for (const BorderEdge& edge : charts_[index(c)].border) {
      const double len = edge_length(surface_, edge.half_edge);
      perimeter += len;
      const std::int32_t o = surface_.topology.opposite[index(edge.half_edge)];
      if (o < 0) continue;
      const std::int32_t other = owner_[index(o / 3)];
      if (other != c) list.push_back({len, other});
    }
    perimeter_.resize(charts_.size());
    perimeter_[index(c)] = perimeter;
    std::stable_sort(list.begin(), list.end(), [](const Candidate& a, const Candidate& b) {
      return a.other < b.other;
    });
    std::size_t n = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (n > 0 && list[n - 1].other == list[i].other)
        list[n - 1].score += list[i].score;
      else
        list[n++] = list[i];
    }
    list.resize(n);
  }

  static std::uint64_t pair_id(std::int32_t a, std::int32_t b) {
    const auto [low, high] = std::minmax({a, b});
    return (static_cast<std::uint64_t>(low) << 32) | static_cast<std::uint32_t>(high);
  }

  using Pair = std::pair<std::int32_t, std::int32_t>;

  /// Charts with the neighbour they share most with, those that share most first, each chart once.
  /// That some are not each other's first choice costs little, and there are more to try at once.
  std::vector<Pair> choose_pairs() {
    for (std::size_t c = 0; c < charts_.size(); ++c) {
      if (stale_[c]) refresh(static_cast<std::int32_t>(c));
      stale_[c] = 0;
    }
    std::vector<std::int32_t> best(charts_.size(), -1);
    std::vector<double> best_score(charts_.size(), 0);
    for (std::size_t c = 0; c < charts_.size(); ++c) {
      for (const Candidate& cand : candidates_[c]) {
        const double s = cand.score / std::min(perimeter_[c], perimeter_[index(cand.other)]);
        if (s < kMinShare) continue;
        if (rejected_.contains(pair_id(static_cast<std::int32_t>(c), cand.other))) continue;
        const auto key = [&](std::int32_t o) { return pair_id(static_cast<std::int32_t>(c), o); };
        if (best[c] < 0 || s > best_score[c] ||
            (s == best_score[c] && key(cand.other) < key(best[c]))) {
          best[c] = cand.other;
          best_score[c] = s;
        }
      }
    }
    std::vector<std::int32_t> order;
    for (std::size_t c = 0; c < charts_.size(); ++c) {
      if (best[c] >= 0) order.push_back(static_cast<std::int32_t>(c));
    }
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
      return best_score[index(a)] > best_score[index(b)];
    });
    std::vector<Pair> pairs;
    std::vector<std::uint8_t> taken(charts_.size(), 0);
    for (const std::int32_t c : order) {
      const std::int32_t o = best[index(c)];
      if (taken[index(c)] || taken[index(o)]) continue;
      taken[index(c)] = taken[index(o)] = 1;
      pairs.push_back(std::minmax({c, o}));
    }
    return pairs;
  }

  /// Vertices of two charts that lie at the same place of the surface, on edges that they share.
  std::vector<Stitch> find_stitches(std::int32_t ia, std::int32_t ib) const {
    const Chart &a = charts_[index(ia)], &b = charts_[index(ib)];
    std::vector<Stitch> stitches;
    for (const BorderEdge& edge : a.border) {
      const std::int32_t o = surface_.topology.opposite[index(edge.half_edge)];
      if (o < 0 || owner_[index(o / 3)] != ib) continue;
      const auto& corners = b.corners[index(slots_[index(o / 3)])];
      const double len = edge_length(surface_, edge.half_edge);
      stitches.push_back({edge.from, corners[index((o + 1) % 3)], len});
      stitches.push_back({edge.to, corners[index(o % 3)], len});
    }
    return stitches;
  }

  bool try_join(std::int32_t ia, std::int32_t ib, Chart& joint) const {
    const Chart &a = charts_[index(ia)], &b = charts_[index(ib)];
    const std::vector<Stitch> stitches = find_stitches(ia, ib);
    const Motion motion = fit_motion(a, b, stitches);
    const double smaller = std::sqrt(std::min(a.stretch.area, b.stretch.area));
    if (gap_between(a, b, stitches, motion) / smaller > kMaxResidual) return false;
    joint = stitch_charts(a, b, stitches, motion, [&](const BorderEdge& edge) {
      const std::int32_t o = surface_.topology.opposite[index(edge.half_edge)];
      return o >= 0 && owner_[index(o / 3)] == (owner_[index(edge.half_edge / 3)] == ia ? ib : ia);
    });
    if (longest_side(joint.uv) > options_.max_extent) return false;
    const double area = a.stretch.area + b.stretch.area;
    const double parts =
        (a.stretch.mean_square() * a.stretch.area + b.stretch.mean_square() * b.stretch.area) /
        area;
    const double limit =
        std::max(parts, std::min(options_.max_stretch, parts + options_.max_growth));
    FlattenOptions flatten;
    flatten.hopeless_above = limit;
    if (flatten_chart(surface_, flatten, joint) != FlattenStatus::valid) return false;
    const double most = std::max({kMostStretch, a.stretch.max, b.stretch.max});
    return joint.stretch.mean_square() <= limit && joint.stretch.max <= most;
  }

  void adopt(std::int32_t ia, std::int32_t ib, Chart&& joint) {
    const auto shift = static_cast<std::int32_t>(charts_[index(ia)].faces.size());
    for (const std::uint32_t f : charts_[index(ib)].faces) {
      slots_[f] += shift;
      owner_[f] = ia;
    }
    for (const std::int32_t c : {ia, ib}) {
      for (const Candidate& cand : candidates_[index(c)]) {
        stale_[index(cand.other)] = 1;
        rejected_.erase(pair_id(c, cand.other));
      }
    }
    stale_[index(ia)] = 1;
    candidates_[index(ib)].clear();
    stale_[index(ib)] = 0;
    charts_[index(ib)] = {};
    charts_[index(ia)] = std::move(joint);
  }

  const Surface& surface_;
  const JoinOptions& options_;
  FaceSlots& slots_;
  std::vector<Chart>& charts_;
  std::vector<std::int32_t> owner_;
  std::vector<std::vector<Candidate>> candidates_;
  std::vector<double> perimeter_;
  std::vector<std::uint8_t> stale_;
  std::unordered_set<std::uint64_t> rejected_;
};

}  // namespace

void join_charts(const Surface& surface,
                 const JoinOptions& options,
                 FaceSlots& slots,
                 std::vector<Chart>& charts) {
  Joiner(surface, options, slots, charts).run();
}

}  // namespace sinter::texture
