#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scan.h"
#include "mesh/cuda/scratch.h"
#include "texture/cuda/border_blend.h"
#include "texture/cuda/box_filters.h"

namespace sinter::texture::cuda {
namespace {

using mesh::cuda::for_each;
using mesh::cuda::kThreads;
using mesh::cuda::set_bytes;
using mesh::cuda::take;

constexpr const char* kName = "border blend";
constexpr int kWarp = 32;
/// By texel: the nearest edge, as (bits of the distance, half). Of floats that are not negative the
/// bits rise with the value.
using Nearest = unsigned long long;
constexpr Nearest kNothing = ~Nearest{0};

ChartTexels chart_texels(const Array<mesh::Face>& faces,
                         const DeviceTexelMap& texels,
                         const DeviceChartSeams& seams) {
  return {texels.face.data(), faces.data(), seams.chart.data(), texels.raster.width};
}

/// Seams of the charts on the atlas.
struct Edges {
  ChartTexels charts;
  const ScreenPoint* points;
  const std::uint32_t* first;
  const std::uint32_t* other;

  __device__ SeamSide side(std::uint32_t half) const { return {points, charts.faces, half}; }
  __device__ std::uint32_t chart_of(std::uint32_t half) const {
    return charts.chart[charts.faces[half / 3][0]];
  }
  __device__ SeamPoint beyond(Nearest nearest, std::int64_t i) const {
    if (nearest == kNothing) return {};
    const auto half = static_cast<std::uint32_t>(nearest), there = other[half];
    const SeamSide here = side(half);
    const bool same_way = from(half) == from(there);
    return across_seam(
        here,
        nearest_on(here, static_cast<int>(i % charts.size), static_cast<int>(i / charts.size)),
        side(there),
        same_way,
        chart_of(there));
  }

 private:
  __device__ std::uint32_t from(std::uint32_t half) const {
    return first[charts.faces[half / 3][half % 3]];
  }
};

/// A warp a half.
__global__ void __launch_bounds__(kThreads) look_kernel(Edges edges,
                                                        std::int64_t halves,
                                                        const std::int32_t* shown,
                                                        const std::uint8_t* known,
                                                        Nearest* nearest) {
  const std::int64_t warp = mesh::cuda::thread_number() / kWarp;
  if (warp >= halves || edges.other[warp] == kNoHalf) return;
  const auto half = static_cast<std::uint32_t>(warp);
  const SeamSide here = edges.side(half);
  if (!(here.square() > 0)) return;
  const std::uint32_t own = edges.chart_of(half);
  here.each_beside(
      static_cast<int>(threadIdx.x % kWarp), kWarp, edges.charts.size, [&](int x, int y) {
        const std::int64_t i = std::int64_t{y} * edges.charts.size + x;
        if (shown[i] != 0 || edges.charts.face[i] == 0 || known[i] != 0) return;
        if (edges.charts.chart_at(i) != own) return;
        const Nearest bits = __float_as_uint(nearest_on(here, x, y).distance);
        atomicMin(nearest + i, bits << 32 | half);
      });
}

/// Each texel that is sought beside a chart looks across the nearest edge of its chart's seams.
const Nearest* look_beyond_seams(const Edges& edges,
                                 std::int64_t halves,
                                 const DeviceTexelMap& texels,
                                 const std::uint8_t* known,
                                 Arena& arena,
                                 cudaStream_t stream) {
  auto* nearest = take<Nearest>(arena, texels.face.size());
  set_bytes(nearest, 0xff, texels.face.size(), kName, stream);
  const auto blocks = static_cast<unsigned>((halves * kWarp + kThreads - 1) / kThreads);
  look_kernel<<<blocks, kThreads, 0, stream>>>(
      edges, halves, texels.raster.face.data(), known, nearest);
  sinter::cuda::check_launch(kName);
  return nearest;
}

/// By texel: whether it is known, or near one that is.
std::uint8_t* find_near(const Edges& edges,
                        const Nearest* nearest,
                        const std::uint8_t* known,
                        Arena& arena,
                        cudaStream_t stream) {
  const int size = edges.charts.size;
  const std::int64_t count = std::int64_t{size} * size;
  auto* near = take<std::uint8_t>(arena, count);
  for_each(count, kName, stream, [=] __device__(std::int64_t i) {
    near[i] = edges.charts.face[i] != 0 && known[i] != 0;
    if (nearest[i] == kNothing) return;
    edges.charts.each_tap(edges.beyond(nearest[i], i), [&](std::int64_t tap, float) {
      if (known[tap] != 0) near[i] = 1;
    });
  });
  dilate(near, size, size, std::max(1, size / kBlendFraction), arena, stream);
  return near;
}

}  // namespace

BorderBand find_border_band(const Array<mesh::Face>& faces,
                            const Array<std::uint32_t>& first,
                            const DeviceTexelMap& texels,
                            const DeviceTexture& texture,
                            Arena& arena,
                            cudaStream_t stream) {
  const std::int64_t texel_count = texels.face.size();
  const int longest = longest_ray(texture.size);
  BorderBand result{.seams = find_chart_seams(faces, first, texels.raster.points, arena, stream),
                    .texel = {},
                    .rays = {},
                    .shows = {}};
  const ArenaScope scope(arena);
  const std::uint8_t* known = texture.known.data();
  const Edges edges{chart_texels(faces, texels, result.seams),
                    texels.raster.points.data(),
                    first.data(),
                    result.seams.other.data()};
  const Nearest* nearest =
      look_beyond_seams(edges, result.seams.other.size(), texels, known, arena, stream);
  std::uint8_t* near = find_near(edges, nearest, known, arena, stream);
  auto* place = take<std::uint32_t>(arena, texel_count + 1);
  for_each(texel_count + 1, kName, stream, [=] __device__(std::int64_t i) {
    place[i] = i < texel_count && near[i] != 0 && edges.charts.face[i] != 0 && known[i] == 0;
  });
  mesh::cuda::exclusive_sum(place, texel_count + 1, arena, stream);
  const std::int64_t count = mesh::cuda::read_back(place + texel_count, kName, stream);
  result.texel = Array<std::uint32_t>(count, arena.allocator());
  result.rays = Array<Rays>(count, arena.allocator());
  result.shows = Array<SeamPoint>(count, arena.allocator());
  std::uint32_t* texel = result.texel.data();
  SeamPoint* shows = result.shows.data();
  Rays* rays = result.rays.data();
  std::uint8_t* around = near;
  for_each(texel_count, kName, stream, [=] __device__(std::int64_t i) {
    around[i] = 0;
    if (place[i] == place[i + 1]) return;
    texel[place[i]] = static_cast<std::uint32_t>(i);
    shows[place[i]] = edges.beyond(nearest[i], i);
    around[i] = edges.charts.neighbours(i);
  });
  for_each(count, kName, stream, [=] __device__(std::int64_t n) {
    rays[n] = edges.charts.rays(texel[n], around, longest);
  });
  return result;
}

void blend_border(const BorderBand& band,
                  const Array<mesh::Face>& faces,
                  const DeviceTexelMap& texels,
                  DeviceTexture& texture,
                  Arena& arena,
                  cudaStream_t stream) {
  const ArenaScope scope(arena);
  const std::int64_t count = band.texel.size();
  auto* next = take<Colour>(arena, count);
  const ChartTexels charts = chart_texels(faces, texels, band.seams);
  Colour* colours = texture.colour.data();
  const std::uint32_t* texel = band.texel.data();
  const SeamPoint* shows = band.shows.data();
  const Rays* rays = band.rays.data();
  for (int longest = longest_ray(texture.size); longest > 0; longest /= 2) {
    for (int sweep = 0; sweep < kBlendSweeps; ++sweep) {
      for_each(count, kName, stream, [=] __device__(std::int64_t n) {
        next[n] = shows[n].chart != kNoChart
                      ? charts.sample(shows[n], texel[n], colours)
                      : charts.mean_of_rays(texel[n], rays[n], longest, colours);
      });
      for_each(
          count, kName, stream, [=] __device__(std::int64_t n) { colours[texel[n]] = next[n]; });
    }
  }
}

}  // namespace sinter::texture::cuda
