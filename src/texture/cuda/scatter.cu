#include <bit>

#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scan.h"
#include "mesh/cuda/scratch.h"
#include "texture/bake/scatter_taps.h"
#include "texture/cuda/grid_stride.cuh"
#include "texture/cuda/lower_bound.cuh"
#include "texture/cuda/scatter.h"
#include "texture/cuda/seen_faces.cuh"

namespace sinter::texture::cuda {

using mesh::cuda::for_each;
using mesh::cuda::kThreads;
using mesh::cuda::set_bytes;
using mesh::cuda::take;

namespace {

constexpr const char* kName = "scatter";
constexpr int kTaps = 4;

/// A view, and what falls on the texture of it.
struct Spread {
  SeenFaces seen;
  const std::array<float, 2>* uv;
  const float* cosine;
  const std::uint8_t* reliable;
  const std::uint8_t* picture;
  int channels, size;

  __device__ ScatterTaps taps_of(std::int64_t pixel) const {
    return scatter_taps(uv, seen.face_at(pixel), seen.barycentrics_at(pixel), size);
  }
};

/// Taps, four a pixel, by texel and in each by pixel; those of pixels that are not reliable come
/// after all texels.
struct SortedTaps {
  std::uint32_t* texel;
  std::uint32_t* tap;
  std::int64_t count;
};

SortedTaps sort_taps(const Spread& spread, Arena& arena, cudaStream_t stream) {
  const std::int64_t pixels = spread.seen.pixels();
  const auto texels = static_cast<std::uint32_t>(spread.size) * spread.size;
  SortedTaps sorted{.texel = take<std::uint32_t>(arena, kTaps * pixels),
                    .tap = take<std::uint32_t>(arena, kTaps * pixels),
                    .count = kTaps * pixels};
  const ArenaScope scope(arena);
  auto* texel = take<std::uint32_t>(arena, sorted.count);
  auto* tap = take<std::uint32_t>(arena, sorted.count);
  for_each(pixels, kName, stream, [=] __device__(std::int64_t pixel) {
    const bool counts = spread.reliable[pixel] != 0;
    const ScatterTaps taps = counts ? spread.taps_of(pixel) : ScatterTaps{};
    for (int t = 0; t < kTaps; ++t) {
      const std::int64_t n = kTaps * pixel + t;
      texel[n] = counts ? static_cast<std::uint32_t>(taps.texel(t, spread.size)) : texels;
      tap[n] = static_cast<std::uint32_t>(n);
    }
  });
  mesh::cuda::stable_sort(
      texel, sorted.texel, tap, sorted.tap, std::bit_width(texels), sorted.count, arena, stream);
  return sorted;
}

/// ScatteredView
struct Scattered {
  std::array<float, 3>* colour;
  float* cosine;
};

void add_taps(const Spread& spread,
              const SortedTaps& taps,
              const Scattered& scattered,
              cudaStream_t stream) {
  const std::int64_t texels = std::int64_t{spread.size} * spread.size;
  for_each(texels, kName, stream, [=] __device__(std::int64_t i) {
    std::array<float, 3> colour{};
    float cosine = 0, weight = 0;
    const auto texel = static_cast<std::uint32_t>(i);
    for (std::int64_t n = lower_bound(taps.texel, taps.count, texel);
         n < taps.count && taps.texel[n] == texel;
         ++n) {
      const std::int64_t pixel = taps.tap[n] / kTaps;
      const float tap = spread.taps_of(pixel).weights[taps.tap[n] % kTaps];
      for (int c = 0; c < 3; ++c) {
        colour[c] += static_cast<float>(spread.picture[pixel * spread.channels + c]) / 255.0f * tap;
      }
      cosine += scattered_cosine(spread.cosine[pixel]) * tap;
      weight += tap;
    }
    const bool any = weight > 0;
    for (float& value : colour) value = any ? value / weight : 0;
    scattered.colour[i] = colour;
    scattered.cosine[i] = any ? cosine / weight : 0;
  });
}

struct Painted {
  unsigned long long all, again;
};

__global__ void __launch_bounds__(kThreads) count_kernel(
    std::int64_t texels, const float* cosine, const float* weight, float factor, Painted* painted) {
  constexpr unsigned kAllLanes = 0xffffffff;
  unsigned all = 0, again = 0;
  each_of_this_thread(texels, [&](std::int64_t i) {
    if (!(merge_weight(cosine[i], factor) > 0)) return;
    ++all;
    again += weight[i] > 0;
  });
  all = __reduce_add_sync(kAllLanes, all);
  again = __reduce_add_sync(kAllLanes, again);
  if (threadIdx.x % 32 != 0) return;
  atomicAdd(&painted->all, static_cast<unsigned long long>(all));
  atomicAdd(&painted->again, static_cast<unsigned long long>(again));
}

}  // namespace

ViewMerge::ViewMerge(int size, Arena& arena, cudaStream_t stream)
    : size_(size),
      colour_(std::int64_t{size} * size, arena.allocator()),
      weight_(std::int64_t{size} * size, arena.allocator()) {
  set_bytes(colour_.data(), 0, colour_.size(), kName, stream);
  set_bytes(weight_.data(), 0, weight_.size(), kName, stream);
}

bool ViewMerge::add(const DeviceViewMesh& mesh,
                    const Array<std::array<float, 2>>& uv,
                    const DeviceViewGeometry& view,
                    const DevicePicture& picture,
                    double weight,
                    Arena& arena,
                    cudaStream_t stream) {
  const ArenaScope scope(arena);
  const Spread spread{.seen = SeenFaces(view.raster, mesh.faces),
                      .uv = uv.data(),
                      .cosine = view.cosine.data(),
                      .reliable = view.reliable.data(),
                      .picture = picture.pixels.data(),
                      .channels = picture.channels,
                      .size = size_};
  const Scattered scattered{.colour = take<std::array<float, 3>>(arena, colour_.size()),
                            .cosine = take<float>(arena, colour_.size())};
  auto* painted = take<Painted>(arena, 1);
  add_taps(spread, sort_taps(spread, arena, stream), scattered, stream);
  set_bytes(painted, 0, 1, kName, stream);
  const auto factor = static_cast<float>(weight);
  count_kernel<<<resident_blocks(kName), kThreads, 0, stream>>>(
      weight_.size(), scattered.cosine, weight_.data(), factor, painted);
  sinter::cuda::check_launch(kName);
  const Painted counted = mesh::cuda::read_back(painted, kName, stream);
  if (brings_nothing(static_cast<std::int64_t>(counted.all),
                     static_cast<std::int64_t>(counted.again))) {
    return false;
  }
  std::array<float, 3>* colours = colour_.data();
  float* weights = weight_.data();
  for_each(weight_.size(), kName, stream, [=] __device__(std::int64_t i) {
    const float w = merge_weight(scattered.cosine[i], factor);
    for (int c = 0; c < 3; ++c) colours[i][c] += scattered.colour[i][c] * w;
    weights[i] += w;
  });
  return true;
}

DeviceTexture ViewMerge::finish(Arena& arena, cudaStream_t stream) {
  DeviceTexture texture{.size = size_,
                        .colour = std::move(colour_),
                        .known = Array<std::uint8_t>(weight_.size(), arena.allocator())};
  std::array<float, 3>* colours = texture.colour.data();
  std::uint8_t* known = texture.known.data();
  const float* weights = weight_.data();
  for_each(weight_.size(), kName, stream, [=] __device__(std::int64_t i) {
    for (float& value : colours[i]) value /= std::max(weights[i], float{kLeastWeight});
    known[i] = weights[i] > kLeastWeight;
  });
  return texture;
}

}  // namespace sinter::texture::cuda
