#include <utility>

#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scratch.h"
#include "texture/bake/thin_faces.h"
#include "texture/cuda/grid_stride.cuh"
#include "texture/cuda/texture.h"

namespace sinter::texture::cuda {
namespace {

using mesh::cuda::for_each;
using mesh::cuda::kThreads;
using mesh::cuda::take;

constexpr const char* kName = "texels";

/// The first neighbour with a value; -1 where there is none.
__device__ std::int64_t source_of(const std::int32_t* values, int size, std::int64_t i) {
  constexpr int kSteps[8][2] = {
      {-1, 0}, {1, 0}, {0, -1}, {0, 1}, {-1, -1}, {1, -1}, {-1, 1}, {1, 1}};
  const auto x = static_cast<int>(i % size), y = static_cast<int>(i / size);
  for (const auto& step : kSteps) {
    const int nx = x + step[0], ny = y + step[1];
    if (nx < 0 || nx >= size || ny < 0 || ny >= size) continue;
    const std::int64_t n = std::int64_t{ny} * size + nx;
    if (values[n] != 0) return n;
  }
  return -1;
}

__global__ void __launch_bounds__(kThreads) count_kernel(std::int64_t texels,
                                                         const std::int32_t* face,
                                                         const std::uint8_t* known,
                                                         std::uint8_t* seen,
                                                         TexelCounts* counts) {
  constexpr unsigned kAllLanes = 0xffffffff;
  unsigned shown = 0, coloured = 0;
  each_of_this_thread(texels, [&](std::int64_t i) {
    const bool is_seen = face[i] != 0 && known[i] != 0;
    if (seen != nullptr) seen[i] = is_seen;
    shown += face[i] != 0;
    coloured += is_seen;
  });
  shown = __reduce_add_sync(kAllLanes, shown);
  coloured = __reduce_add_sync(kAllLanes, coloured);
  if (threadIdx.x % 32 != 0) return;
  atomicAdd(&counts->shown, static_cast<unsigned long long>(shown));
  atomicAdd(&counts->known, static_cast<unsigned long long>(coloured));
}

}  // namespace

DeviceTexelMap map_texels(const Array<std::array<float, 2>>& uv,
                          const Array<mesh::Face>& faces,
                          int size,
                          TexelGrid grid,
                          int margin,
                          Arena& arena,
                          cudaStream_t stream) {
  const ArenaScope scope(arena);
  auto* clip = take<ClipVertex>(arena, uv.size());
  const std::array<float, 2>* places = uv.data();
  for_each(uv.size(), kName, stream, [=] __device__(std::int64_t v) {
    clip[v] = clip_on_atlas(places[v], size, grid);
  });
  DeviceTexelMap map;
  map.raster = rasterize_faces(clip, uv.size(), faces, size, size, arena, stream);
  map.face = Array<std::int32_t>(map.raster.face.size(), arena.allocator());
  sinter::cuda::check(cudaMemcpyAsync(map.face.data(),
                                      map.raster.face.data(),
                                      map.face.bytes(),
                                      cudaMemcpyDeviceToDevice,
                                      stream),
                      kName);
  grow(map.face, size, margin, nullptr, arena, stream);
  return map;
}

void reach_thin_faces(const Array<mesh::Face>& faces,
                      DeviceTexelMap& map,
                      Arena& arena,
                      cudaStream_t stream) {
  constexpr unsigned kBare = 0xffffffff;
  const ArenaScope scope(arena);
  auto* first = take<unsigned>(arena, map.face.size());
  mesh::cuda::set_bytes(first, 0xff, map.face.size(), kName, stream);
  std::int32_t* face = map.face.data();
  const ThinFaces thin{
      map.raster.points.data(), faces.data(), map.raster.face.data(), face, map.raster.width};
  for_each(3 * faces.size(), kName, stream, [=] __device__(std::int64_t half) {
    const auto one = static_cast<std::uint32_t>(half);
    thin.each_bare(one, [&](std::int64_t i) { atomicMin(first + i, one / 3 + 1); });
  });
  for_each(map.face.size(), kName, stream, [=] __device__(std::int64_t i) {
    if (first[i] != kBare) face[i] = static_cast<std::int32_t>(first[i]);
  });
}

void grow(Array<std::int32_t>& face,
          int size,
          int rounds,
          std::array<float, 3>* colours,
          Arena& arena,
          cudaStream_t stream) {
  Array<std::int32_t> grown(face.size(), arena.allocator());
  for (int round = 0; round < rounds; ++round) {
    const std::int32_t* from = face.data();
    std::int32_t* to = grown.data();
    // Colours change where this round has no source.
    for_each(face.size(), kName, stream, [=] __device__(std::int64_t i) {
      to[i] = from[i];
      if (from[i] != 0) return;
      const std::int64_t source = source_of(from, size, i);
      if (source < 0) return;
      to[i] = from[source];
      if (colours != nullptr) colours[i] = colours[source];
    });
    std::swap(face, grown);
  }
}

TexelCounts count_texels(const Array<std::int32_t>& face,
                         const DeviceTexture& texture,
                         std::uint8_t* seen,
                         Arena& arena,
                         cudaStream_t stream) {
  const ArenaScope scope(arena);
  auto* counts = take<TexelCounts>(arena, 1);
  mesh::cuda::set_bytes(counts, 0, 1, kName, stream);
  count_kernel<<<resident_blocks(kName), kThreads, 0, stream>>>(
      face.size(), face.data(), texture.known.data(), seen, counts);
  sinter::cuda::check_launch(kName);
  return mesh::cuda::read_back(counts, kName, stream);
}

}  // namespace sinter::texture::cuda
