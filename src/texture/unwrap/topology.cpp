#include "texture/unwrap/topology.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>

namespace sinter::texture {
namespace {

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93u;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93u;
  return x ^ (x >> 32);
}

/// By vertex: the lowest vertex at the same position (-0 equals 0).
std::vector<std::uint32_t> weld(const std::vector<mesh::Vec3>& positions) {
  const std::size_t slots = std::bit_ceil(positions.size() * 2 + 1);
  std::vector<std::uint32_t> table(slots, ~0u);
  std::vector<std::uint32_t> first(positions.size());
  for (std::size_t v = 0; v < positions.size(); ++v) {
    std::uint64_t hash = 0;
    for (const float value : positions[v]) {
      hash = mix(hash ^ std::bit_cast<std::uint32_t>(value == 0 ? 0.0f : value));
    }
    std::size_t slot = hash & (slots - 1);
    while (table[slot] != ~0u && positions[table[slot]] != positions[v]) {
      slot = (slot + 1) & (slots - 1);
    }
    if (table[slot] == ~0u) table[slot] = static_cast<std::uint32_t>(v);
    first[v] = table[slot];
  }
  return first;
}

/// Items sorted into buckets by their lowest position, first come first in a bucket.
class Buckets {
 public:
  template <class KeyOf>  // item -> bucket, or ~0u to leave the item out
  Buckets(std::size_t buckets, std::size_t items, KeyOf&& key_of) : start_(buckets + 1, 0) {
    for (std::size_t i = 0; i < items; ++i) {
      if (const std::uint32_t key = key_of(i); key != ~0u) ++start_[key + 1];
    }
    for (std::size_t b = 0; b < buckets; ++b) start_[b + 1] += start_[b];
    items_.resize(start_[buckets]);
    std::vector<std::uint32_t> cursor(start_.begin(), start_.end() - 1);
    for (std::size_t i = 0; i < items; ++i) {
      if (const std::uint32_t key = key_of(i); key != ~0u) {
        items_[cursor[key]++] = static_cast<std::uint32_t>(i);
      }
    }
  }
  std::span<std::uint32_t> operator[](std::size_t bucket) {
    return {items_.data() + start_[bucket], start_[bucket + 1] - start_[bucket]};
  }

 private:
  std::vector<std::uint32_t> start_;
  std::vector<std::uint32_t> items_;
};

/// By face: how many earlier faces have the same three positions, in whatever order.
std::vector<std::uint32_t> find_layers(const SurfaceTopology& topology, std::size_t vertices) {
  const std::size_t faces = topology.collapsed.size();
  const auto sorted = [&](std::size_t f) {
    std::array<std::uint32_t, 3> key{};
    std::copy_n(topology.position.begin() + static_cast<std::ptrdiff_t>(3 * f), 3, key.begin());
    std::sort(key.begin(), key.end());
    return key;
  };
  Buckets buckets(vertices, faces, [&](std::size_t f) {
    const std::uint32_t* p = &topology.position[3 * f];
    return topology.collapsed[f] ? ~0u : std::min({p[0], p[1], p[2]});
  });
  std::vector<std::uint32_t> layers(faces, 0);
  std::vector<std::pair<std::array<std::uint32_t, 3>, std::uint32_t>> keyed;
  for (std::size_t v = 0; v < vertices; ++v) {
    keyed.clear();
    for (const std::uint32_t f : buckets[v]) keyed.emplace_back(sorted(f), f);
    std::sort(keyed.begin(), keyed.end());
    for (std::size_t i = 1; i < keyed.size(); ++i) {
      if (keyed[i].first == keyed[i - 1].first) {
        layers[keyed[i].second] = layers[keyed[i - 1].second] + 1;
      }
    }
  }
  return layers;
}

/// A half-edge as its bucket sees it: everything but the lower end.
struct EdgeKey {
  std::uint32_t upper_end;
  std::uint32_t layer;
  std::uint32_t half_edge;
  auto operator<=>(const EdgeKey&) const = default;
};

void match_half_edges(SurfaceTopology& topology,
                      std::span<const std::uint32_t> layers,
                      std::size_t vertices) {
  const std::size_t half_edges = topology.position.size();
  const auto start = [&](std::size_t h) { return topology.position[h]; };
  const auto end = [&](std::size_t h) {
    return topology
        .position[static_cast<std::size_t>(next_half_edge(static_cast<std::int32_t>(h)))];
  };
  Buckets buckets(vertices, half_edges, [&](std::size_t h) {
    return topology.collapsed[h / 3] ? ~0u : std::min(start(h), end(h));
  });
  topology.opposite.assign(half_edges, -1);
  std::vector<EdgeKey> keys;
  for (std::size_t v = 0; v < vertices; ++v) {
    keys.clear();
    for (const std::uint32_t h : buckets[v]) {
      keys.push_back({std::max(start(h), end(h)), layers[h / 3], h});
    }
    std::sort(keys.begin(), keys.end());
    for (std::size_t i = 0, j; i < keys.size(); i = j) {
      for (j = i + 1; j < keys.size() && keys[j].upper_end == keys[i].upper_end &&
                      keys[j].layer == keys[i].layer;) {
        ++j;
      }
      const std::uint32_t a = keys[i].half_edge, b = keys[j - 1].half_edge;
      if (j - i == 2 && start(a) != start(b)) {
        topology.opposite[a] = static_cast<std::int32_t>(b);
        topology.opposite[b] = static_cast<std::int32_t>(a);
      }
    }
  }
}

}  // namespace

SurfaceTopology build_topology(const mesh::TriangleMesh& mesh) {
  const std::vector<std::uint32_t> first = weld(mesh.positions);
  SurfaceTopology topology;
  topology.position.resize(mesh.faces.size() * 3);
  topology.collapsed.resize(mesh.faces.size());
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    std::uint32_t* p = &topology.position[3 * f];
    for (std::size_t k = 0; k < 3; ++k) p[k] = first[mesh.faces[f][k]];
    topology.collapsed[f] = p[0] == p[1] || p[1] == p[2] || p[2] == p[0];
  }
  match_half_edges(topology, find_layers(topology, mesh.positions.size()), mesh.positions.size());
  return topology;
}

}  // namespace sinter::texture
