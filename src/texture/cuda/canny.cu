#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scratch.h"
#include "mesh/cuda/union_find.cuh"
#include "texture/cuda/canny.h"

namespace sinter::texture::cuda {
namespace {

using mesh::cuda::for_each;
using mesh::cuda::take;

constexpr const char* kName = "edges";

struct Gradient {
  int x, y;
  __device__ int size() const { return abs(x) + abs(y); }
};

/// A picture whose border pixels go on beyond it.
struct Levels {
  const std::uint8_t* values;
  int width, height;

  __device__ int at(int x, int y) const {
    return values[std::int64_t{min(max(y, 0), height - 1)} * width + min(max(x, 0), width - 1)];
  }
  /// Sobel's.
  __device__ Gradient gradient(int x, int y) const {
    const int nw = at(x - 1, y - 1), n = at(x, y - 1), ne = at(x + 1, y - 1);
    const int w = at(x - 1, y), e = at(x + 1, y);
    const int sw = at(x - 1, y + 1), s = at(x, y + 1), se = at(x + 1, y + 1);
    return {ne + 2 * e + se - nw - 2 * w - sw, sw + 2 * s + se - nw - 2 * n - ne};
  }
};

/// Gradients' sizes; 0 beyond the picture.
struct Sizes {
  const std::uint16_t* values;
  int width, height;

  __device__ int at(int x, int y) const {
    return x < 0 || y < 0 || x >= width || y >= height ? 0 : values[std::int64_t{y} * width + x];
  }
  /// Whether the size at (x, y) is the largest across the edge. Directions are told apart at 22.5
  /// and 67.5 degrees in steps of 2^-15.
  __device__ bool is_crest(int x, int y, const Gradient& gradient) const {
    constexpr int kTangent = 13573;  // tan(22.5 degrees)
    const int size = at(x, y);
    const int across = abs(gradient.x), down = abs(gradient.y) << 15;
    const int flat = across * kTangent;
    if (down < flat) return size > at(x - 1, y) && size >= at(x + 1, y);
    if (down > flat + (across << 16)) return size > at(x, y - 1) && size >= at(x, y + 1);
    const int side = (gradient.x ^ gradient.y) < 0 ? -1 : 1;
    return size > at(x - side, y - 1) && size > at(x + side, y + 1);
  }
};

enum Kind : std::uint8_t { kNone, kWeak, kStrong };

/// Joins each crest with those before it among its eight neighbours.
void join_crests(
    const std::uint8_t* kind, std::uint32_t* parent, int width, int height, cudaStream_t stream) {
  for_each(std::int64_t{width} * height, kName, stream, [=] __device__(std::int64_t i) {
    if (kind[i] == kNone) return;
    const auto x = static_cast<int>(i % width), y = static_cast<int>(i / width);
    const auto meet = [&](int dx, int dy) {
      if (x + dx < 0 || x + dx >= width || y + dy < 0) return;
      const std::int64_t n = i + std::int64_t{dy} * width + dx;
      if (kind[n] != kNone) {
        mesh::cuda::join(parent, static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(n));
      }
    };
    meet(-1, 0);
    meet(-1, -1);
    meet(0, -1);
    meet(1, -1);
  });
}

}  // namespace

void find_edges(const std::uint8_t* levels,
                int width,
                int height,
                int low,
                int high,
                std::uint8_t* edges,
                Arena& arena,
                cudaStream_t stream) {
  const ArenaScope scope(arena);
  const std::int64_t pixels = std::int64_t{width} * height;
  auto* size = take<std::uint16_t>(arena, pixels);
  auto* kind = take<std::uint8_t>(arena, pixels);
  auto* leads = take<std::uint8_t>(arena, pixels);  // 1 where a set has a strong crest
  auto* parent = take<std::uint32_t>(arena, pixels);
  const Levels picture{levels, width, height};
  const Sizes sizes{size, width, height};
  for_each(pixels, kName, stream, [=] __device__(std::int64_t i) {
    size[i] = static_cast<std::uint16_t>(
        picture.gradient(static_cast<int>(i % width), static_cast<int>(i / width)).size());
    parent[i] = static_cast<std::uint32_t>(i);
    leads[i] = 0;
  });
  for_each(pixels, kName, stream, [=] __device__(std::int64_t i) {
    kind[i] = kNone;
    if (size[i] <= low) return;
    const auto x = static_cast<int>(i % width), y = static_cast<int>(i / width);
    if (sizes.is_crest(x, y, picture.gradient(x, y))) kind[i] = size[i] > high ? kStrong : kWeak;
  });
  join_crests(kind, parent, width, height, stream);
  for_each(pixels, kName, stream, [=] __device__(std::int64_t i) {
    if (kind[i] == kStrong) leads[mesh::cuda::find(parent, static_cast<std::uint32_t>(i))] = 1;
  });
  for_each(pixels, kName, stream, [=] __device__(std::int64_t i) {
    edges[i] =
        kind[i] != kNone && leads[mesh::cuda::find(parent, static_cast<std::uint32_t>(i))] != 0;
  });
}

}  // namespace sinter::texture::cuda
