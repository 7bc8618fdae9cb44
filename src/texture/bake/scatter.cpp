#include "texture/bake/scatter.h"

#include <algorithm>
#include <atomic>

#include "mesh/parallel.h"
#include "texture/bake/scatter_taps.h"

namespace sinter::texture {
namespace {

constexpr std::int64_t kTexelGrain = 1 << 16;

}  // namespace

ScatteredView scatter_view(const ViewMesh& mesh,
                           std::span<const std::array<float, 2>> uv,
                           const ViewGeometry& view,
                           const Image& picture,
                           int size) {
  const auto side = static_cast<std::size_t>(size);
  ScatteredView result;
  result.colour.assign(side * side, {0, 0, 0});
  result.cosine.assign(side * side, 0);
  std::vector<float> weights(side * side, 0);
  for_each_covered(*view.raster,
                   mesh.faces,
                   0,
                   view.raster->height,
                   [&](int x, int y, const mesh::Face& face, const std::array<float, 3>& b) {
                     const std::size_t pixel = static_cast<std::size_t>(y) *
                                                   static_cast<std::size_t>(view.raster->width) +
                                               static_cast<std::size_t>(x);
                     if (view.reliable[pixel] == 0) return;
                     const ScatterTaps taps = scatter_taps(uv.data(), face, b, size);
                     const float cosine = scattered_cosine(view.cosine[pixel]);
                     const std::uint8_t* const rgb = picture.at(x, y);
                     for (int t = 0; t < 4; ++t) {
                       const std::size_t texel = static_cast<std::size_t>(taps.texel(t, size));
                       for (std::size_t c = 0; c < 3; ++c) {
                         result.colour[texel][c] +=
                             static_cast<float>(rgb[c]) / 255.0f * taps.weights[t];
                       }
                       result.cosine[texel] += cosine * taps.weights[t];
                       weights[texel] += taps.weights[t];
                     }
                   });
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] > 0)) {
      result.colour[i] = {0, 0, 0};
      result.cosine[i] = 0;
      continue;
    }
    for (float& value : result.colour[i]) value /= weights[i];
    result.cosine[i] /= weights[i];
  }
  return result;
}

ViewMerge::ViewMerge(int size) : size_(size) {
  const auto side = static_cast<std::size_t>(size);
  colour_.assign(side * side, {0, 0, 0});
  weight_.assign(side * side, 0);
}

bool ViewMerge::add(const ScatteredView& view, double weight, int threads) {
  const auto factor = static_cast<float>(weight);
  const auto weight_of = [&](std::size_t i) { return merge_weight(view.cosine[i], factor); };
  std::atomic<std::int64_t> painted{0}, again{0};
  const auto each_block = [&](auto&& body) {
    mesh::parallel_blocks(threads,
                          static_cast<std::int64_t>(weight_.size()),
                          kTexelGrain,
                          [&](std::int64_t begin, std::int64_t end) {
                            body(static_cast<std::size_t>(begin), static_cast<std::size_t>(end));
                          });
  };
  each_block([&](std::size_t begin, std::size_t end) {
    std::int64_t all = 0, old = 0;
    for (std::size_t i = begin; i < end; ++i) {
      if (!(weight_of(i) > 0)) continue;
      ++all;
      old += weight_[i] > 0;
    }
    painted += all;
    again += old;
  });
  if (brings_nothing(painted, again)) return false;
  each_block([&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const float w = weight_of(i);
      for (std::size_t c = 0; c < 3; ++c) colour_[i][c] += view.colour[i][c] * w;
      weight_[i] += w;
    }
  });
  return true;
}

Texture ViewMerge::finish() const {
  Texture texture{size_, colour_, std::vector<std::uint8_t>(weight_.size())};
  for (std::size_t i = 0; i < weight_.size(); ++i) {
    for (float& value : texture.colour[i]) value /= std::max(weight_[i], kLeastWeight);
    texture.known[i] = weight_[i] > kLeastWeight;
  }
  return texture;
}

}  // namespace sinter::texture
