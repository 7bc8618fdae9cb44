#include "texture/unwrap/borders.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>
#include <vector>

#include "texture/unwrap/cluster.h"

namespace sinter::texture {
namespace {

/// Roots of a forest in which joined labels hang together; the lower label is the root.
class Forest {
 public:
  explicit Forest(std::int32_t count) : parent_(index(count)) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }
  std::int32_t root(std::int32_t i) {
    while (parent_[index(i)] != i) i = parent_[index(i)] = parent_[index(parent_[index(i)])];
    return i;
  }
  std::int32_t join(std::int32_t a, std::int32_t b) {
    const auto [low, high] = std::minmax({root(a), root(b)});
    return parent_[index(high)] = low;
  }

 private:
  std::vector<std::int32_t> parent_;
};

/// Mean of a cluster, for the cost of giving it a face.
struct Proxy {
  Vec3 normal;
};

std::vector<Proxy> fit_proxies(const Surface& surface,
                               std::span<const std::int32_t> labels,
                               std::int32_t count) {
  std::vector<Proxy> proxies(index(count));
  for (std::size_t f = 0; f < labels.size(); ++f) {
    if (labels[f] >= 0) proxies[index(labels[f])].normal += surface.area[f] * surface.normal[f];
  }
  for (Proxy& proxy : proxies) {
    const double norm = length(proxy.normal);
    if (norm > 0) proxy.normal = (1 / norm) * proxy.normal;
  }
  return proxies;
}

}  // namespace

std::int32_t absorb_small_clusters(const Surface& surface,
                                   double share,
                                   std::span<std::int32_t> labels,
                                   std::int32_t count) {
  std::vector<double> area(index(count), 0);
  std::vector<std::vector<std::uint32_t>> faces(index(count));
  double total = 0;
  for (std::size_t f = 0; f < labels.size(); ++f) {
    if (labels[f] < 0) continue;
    area[index(labels[f])] += surface.area[f];
    total += surface.area[f];
  }
  const double limit = share * total / std::max(count, 1);
  std::vector<std::int32_t> small;
  for (std::int32_t c = 0; c < count; ++c) {
    if (area[index(c)] < limit) small.push_back(c);
  }
  for (std::size_t f = 0; f < labels.size(); ++f) {
    if (labels[f] >= 0 && area[index(labels[f])] < limit) {
      faces[index(labels[f])].push_back(static_cast<std::uint32_t>(f));
    }
  }
  std::stable_sort(small.begin(), small.end(), [&](std::int32_t a, std::int32_t b) {
    return area[index(a)] < area[index(b)];
  });

  Forest forest(count);
  std::vector<std::pair<std::int32_t, double>> shared;  // neighbour, length of the common border
  for (const std::int32_t c : small) {
    if (area[index(forest.root(c))] >= limit) continue;  // has grown meanwhile
    shared.clear();
    for (const std::uint32_t f : faces[index(c)]) {
      for (std::size_t k = 0; k < 3; ++k) {
        const std::int32_t h = surface.topology.opposite[3 * f + k];
        if (h < 0) continue;
        const std::int32_t other = forest.root(labels[index(h / 3)]);
        if (other != forest.root(c)) shared.emplace_back(other, edge_length(surface, h));
      }
    }
    std::sort(shared.begin(), shared.end());
    std::int32_t best = -1;
    double most = -1;
    for (std::size_t i = 0, j; i < shared.size(); i = j) {
      double sum = 0;
      for (j = i; j < shared.size() && shared[j].first == shared[i].first; ++j) {
        sum += shared[j].second;
      }
      if (sum > most) {
        most = sum;
        best = shared[i].first;
      }
    }
    if (best < 0) continue;
    const std::int32_t from = forest.root(c);
    const double joint = area[index(from)] + area[index(best)];
    area[index(forest.join(from, best))] = joint;
  }
  for (std::int32_t& label : labels) {
    if (label >= 0) label = forest.root(label);
  }
  return split_components(surface, labels);
}

std::int32_t smooth_borders(const Surface& surface,
                            double max_deviation,
                            std::span<std::int32_t> labels,
                            std::int32_t count) {
  constexpr int kSweeps = 12;
  // A border of length d is worth as much as faces of area d * kReach * radius that lie as far off
  // their cluster's normal as a cluster may on average.
  constexpr double kReach = 1.0;
  constexpr double kCreaseLength =
      0.05;  // what a border along a sharp crease counts, of its length
  const double radius = std::sqrt(1 / (std::numbers::pi * std::max(count, 1)));
  const double length_cost = kReach * radius * max_deviation;
  const std::vector<Proxy> proxies = fit_proxies(surface, labels, count);

  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool changed = false;
    for (std::size_t f = 0; f < labels.size(); ++f) {
      if (labels[f] < 0) continue;
      std::array<std::int32_t, 3> other = {-1, -1, -1};
      bool inside = true;
      for (std::size_t k = 0; k < 3; ++k) {
        const std::int32_t h = surface.topology.opposite[3 * f + k];
        if (h >= 0) other[k] = labels[index(h / 3)];
        inside &= other[k] == labels[f] || other[k] < 0;
      }
      if (inside) continue;
      std::array<double, 3> border{};  // what the edges count while they lie on a border
      for (std::size_t k = 0; k < 3; ++k) {
        if (other[k] < 0) continue;
        const auto h = static_cast<std::int32_t>(3 * f + k);
        const Vec3& n = surface.normal[index(surface.topology.opposite[3 * f + k] / 3)];
        const double cosine = std::max(0.0, dot(n, surface.normal[f]));
        border[k] = edge_length(surface, h) * std::max(kCreaseLength, cosine * cosine);
      }
      const auto cost = [&](std::int32_t label) {
        const Vec3 off = surface.normal[f] - proxies[index(label)].normal;
        double sum = surface.area[f] * dot(off, off);
        for (std::size_t k = 0; k < 3; ++k) {
          if (other[k] >= 0 && other[k] != label) sum += length_cost * border[k];
        }
        return sum;
      };
      std::int32_t best = labels[f];
      double least = cost(best) * (1 - 1e-9);
      for (const std::int32_t label : other) {
        if (label < 0 || label == labels[f]) continue;
        if (const double c = cost(label); c < least) {
          least = c;
          best = label;
        }
      }
      changed |= best != labels[f];
      labels[f] = best;
    }
    if (!changed) break;
  }
  return split_components(surface, labels);
}

}  // namespace sinter::texture
