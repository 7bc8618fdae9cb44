#include "texture/bake/surface_fill.h"

#include <algorithm>
#include <numeric>

#include "texture/bake/border_blend.h"
#include "texture/bake/surface_graph.h"

namespace sinter::texture {
namespace {

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

/// A colour with how much stands behind it. In float64: the order of the texels leaves no trace.
struct Weighed {
  std::array<double, 3> sum{};
  double weight = 0;
  void add(const Colour& colour, float w) {
    for (std::size_t c = 0; c < 3; ++c) sum[c] += static_cast<double>(w * colour[c]);
    weight += static_cast<double>(w);
  }
  Colour mean() const {
    Colour result;
    for (std::size_t c = 0; c < 3; ++c) result[c] = static_cast<float>(sum[c] / weight);
    return result;
  }
};

class SurfaceFill {
 public:
  SurfaceFill(std::span<const mesh::Vec3> positions,
              std::span<const mesh::Face> faces,
              const TexelMap& texels,
              Texture& texture,
              int threads)
      : positions_(positions),
        faces_(faces),
        texels_(texels),
        texture_(texture),
        threads_(threads) {}

  std::int64_t run() {
    first_ = weld(positions_);
    find_neighbours();
    colour_.assign(positions_.size(), Colour{});
    coloured_.assign(positions_.size(), 0);
    take_known();
    spread();
    const BorderBlend blend(positions_, faces_, first_, texels_, texture_, threads_);
    const std::int64_t filled = write();
    blend.run(texture_);
    return filled;
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
    std::vector<std::uint64_t> next(begin_.begin(), begin_.end() - 1);
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
      if (i % kMeanStride == 0) all.add(texture_.colour[i], 1);
    }
    mean_ = all.weight > 0 ? all.mean() : Colour{kMiddleGrey, kMiddleGrey, kMiddleGrey};
    for (std::size_t v = 0; v < taken.size(); ++v) {
      if (!(taken[v].weight > 0)) continue;
      colour_[v] = taken[v].mean();
      coloured_[v] = 1;
    }
  }

  /// Outwards ring by ring, then sweeps over what was coloured so, each from the colours of the one
  /// before: no order has a part in it.
  void spread() {
    const SurfaceGraph graph{positions_.data(), begin_.data(), neighbours_.data()};
    const auto is_coloured = [&](std::uint32_t v) { return coloured_[v] != 0; };
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
      for (const std::uint32_t v : next) {
        graph.mean_around(v, colour_.data(), is_coloured, colour_[v]);
      }
      for (const std::uint32_t v : next) coloured_[v] = 1;
      order.insert(order.end(), next.begin(), next.end());
      ring = std::move(next);
    }
    std::vector<Colour> before = colour_;
    for (int sweep = 0; sweep < kFillSweeps; ++sweep) {
      std::swap(colour_, before);
      for (const std::uint32_t v : order) {
        graph.mean_around(v, before.data(), is_coloured, colour_[v]);
      }
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
      texture_.colour[i] = colour_within(face, weights, first_.data(), colour_.data());
      texture_.known[i] = 1;
      ++filled;
    }
    return filled;
  }

  std::span<const mesh::Vec3> positions_;
  std::span<const mesh::Face> faces_;
  const TexelMap& texels_;
  Texture& texture_;
  int threads_;
  std::vector<std::uint32_t> first_, neighbours_;
  std::vector<std::uint64_t> begin_;
  std::vector<Colour> colour_;
  std::vector<std::uint8_t> coloured_;
  Colour mean_{};
};

}  // namespace

std::int64_t fill_along_surface(std::span<const mesh::Vec3> positions,
                                std::span<const mesh::Face> faces,
                                const TexelMap& texels,
                                Texture& texture,
                                int threads) {
  return SurfaceFill(positions, faces, texels, texture, threads).run();
}

}  // namespace sinter::texture
