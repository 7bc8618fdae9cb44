#include "texture/bake/surface_fill.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sinter::texture {
namespace {

using Colour = std::array<float, 3>;

constexpr int kSweeps = 40;
constexpr float kMiddleGrey = 0.5f;

/// The first vertex at the place of each.
std::vector<std::uint32_t> weld(std::span<const mesh::Vec3> positions) {
  std::vector<std::uint32_t> order(positions.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return positions[a] != positions[b] ? positions[a] < positions[b] : a < b;
  });
  std::vector<std::uint32_t> first(positions.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool same = i > 0 && positions[order[i]] == positions[order[i - 1]];
    first[order[i]] = same ? first[order[i - 1]] : order[i];
  }
  return first;
}

/// A colour with how much stands behind it.
struct Weighed {
  Colour sum{};
  float weight = 0;
  void add(const Colour& colour, float w) {
    for (std::size_t c = 0; c < 3; ++c) sum[c] += w * colour[c];
    weight += w;
  }
  Colour mean() const { return {sum[0] / weight, sum[1] / weight, sum[2] / weight}; }
};

class SurfaceFill {
 public:
  SurfaceFill(std::span<const mesh::Vec3> positions,
              std::span<const mesh::Face> faces,
              const TexelMap& texels,
              Texture& texture)
      : positions_(positions), faces_(faces), texels_(texels), texture_(texture) {}

  std::int64_t run() {
    first_ = weld(positions_);
    find_neighbours();
    colour_.assign(positions_.size(), Colour{});
    coloured_.assign(positions_.size(), 0);
    take_known();
    spread();
    return write();
  }

 private:
  void find_neighbours() {
    begin_.assign(positions_.size() + 1, 0);
    const auto each = [&](auto&& visit) {
      for (const mesh::Face& face : faces_) {
        for (std::size_t k = 0; k < 3; ++k) {
          const std::uint32_t a = first_[face[k]], b = first_[face[(k + 1) % 3]];
          if (a == b) continue;
          visit(a, b);
          visit(b, a);
        }
      }
    };
    each([&](std::uint32_t a, std::uint32_t) { ++begin_[a + 1]; });
    std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
    neighbours_.resize(begin_.back());
    std::vector<std::size_t> next(begin_.begin(), begin_.end() - 1);
    each([&](std::uint32_t a, std::uint32_t b) { neighbours_[next[a]++] = b; });
  }

  /// Vertices take the known texels of their faces, the nearest most.
  void take_known() {
    std::vector<Weighed> taken(positions_.size());
    Weighed all;
    for (std::size_t i = 0; i < texture_.known.size(); ++i) {
      if (texture_.known[i] == 0 || texels_.face[i] == 0) continue;
      const mesh::Face& face = faces_[static_cast<std::size_t>(texels_.face[i] - 1)];
      const std::array<float, 3> weights = texels_.weights(faces_, i);
      for (std::size_t k = 0; k < 3; ++k) {
        const float square = weights[k] * weights[k];
        if (weights[k] > 0) taken[first_[face[k]]].add(texture_.colour[i], square * square);
      }
      if (i % 16 == 0) all.add(texture_.colour[i], 1);
    }
    mean_ = all.weight > 0 ? all.mean() : Colour{kMiddleGrey, kMiddleGrey, kMiddleGrey};
    for (std::size_t v = 0; v < taken.size(); ++v) {
      if (!(taken[v].weight > 0)) continue;
      colour_[v] = taken[v].mean();
      coloured_[v] = 1;
    }
  }

  bool mean_of_neighbours(std::uint32_t v, Colour& mean) const {
    Weighed around;
    for (std::size_t i = begin_[v]; i < begin_[v + 1]; ++i) {
      const std::uint32_t n = neighbours_[i];
      if (coloured_[n] == 0) continue;
      float square = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        const float apart = positions_[v][c] - positions_[n][c];
        square += apart * apart;
      }
      around.add(colour_[n], 1 / std::max(std::sqrt(square), 1e-4f));
    }
    if (!(around.weight > 0)) return false;
    mean = around.mean();
    return true;
  }

  /// Outwards ring by ring, then sweeps over what was coloured so.
  void spread() {
    std::vector<std::uint32_t> order, ring;
    for (std::uint32_t v = 0; v < positions_.size(); ++v) {
      if (first_[v] == v && coloured_[v] != 0) ring.push_back(v);
    }
    std::vector<std::uint8_t> met = coloured_;
    while (!ring.empty()) {
      std::vector<std::uint32_t> next;
      for (const std::uint32_t v : ring) {
        for (std::size_t i = begin_[v]; i < begin_[v + 1]; ++i) {
          if (met[neighbours_[i]] != 0) continue;
          met[neighbours_[i]] = 1;
          next.push_back(neighbours_[i]);
        }
      }
      for (const std::uint32_t v : next) mean_of_neighbours(v, colour_[v]);
      for (const std::uint32_t v : next) coloured_[v] = 1;
      order.insert(order.end(), next.begin(), next.end());
      ring = std::move(next);
    }
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      for (const std::uint32_t v : order) mean_of_neighbours(v, colour_[v]);
    }
    for (std::size_t v = 0; v < positions_.size(); ++v) {
      if (coloured_[v] == 0) colour_[v] = mean_;
    }
  }

  std::int64_t write() {
    std::int64_t filled = 0;
    for (std::size_t i = 0; i < texture_.known.size(); ++i) {
      if (texture_.known[i] != 0 || texels_.face[i] == 0) continue;
      const mesh::Face& face = faces_[static_cast<std::size_t>(texels_.face[i] - 1)];
      const std::array<float, 3> weights = texels_.weights(faces_, i);
      Colour colour{};
      for (std::size_t k = 0; k < 3; ++k) {
        for (std::size_t c = 0; c < 3; ++c) colour[c] += weights[k] * colour_[first_[face[k]]][c];
      }
      for (float& value : colour) value = std::clamp(value, 0.0f, 1.0f);
      texture_.colour[i] = colour;
      texture_.known[i] = 1;
      ++filled;
    }
    return filled;
  }

  std::span<const mesh::Vec3> positions_;
  std::span<const mesh::Face> faces_;
  const TexelMap& texels_;
  Texture& texture_;
  std::vector<std::uint32_t> first_, neighbours_;
  std::vector<std::size_t> begin_;
  std::vector<Colour> colour_;
  std::vector<std::uint8_t> coloured_;
  Colour mean_{};
};

}  // namespace

std::int64_t fill_along_surface(std::span<const mesh::Vec3> positions,
                                std::span<const mesh::Face> faces,
                                const TexelMap& texels,
                                Texture& texture) {
  return SurfaceFill(positions, faces, texels, texture).run();
}

}  // namespace sinter::texture
