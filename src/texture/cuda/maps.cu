#include <bit>

#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scratch.h"
#include "mesh/parallel.h"
#include "texture/cuda/depth_range.cuh"
#include "texture/cuda/grid_stride.cuh"
#include "texture/cuda/maps.h"
#include "texture/cuda/seen_faces.cuh"
#include "texture/maps/map_levels.h"

namespace sinter::texture::cuda {
namespace {

using mesh::cuda::for_each;
using mesh::cuda::kThreads;
using mesh::cuda::take;

constexpr const char* kName = "maps";

struct Targets {
  std::uint8_t *normal, *position, *mask;
  float* depth;  ///< camera-space z
};

__device__ void write(std::uint8_t* pixel, const mesh::Vec3& values) {
  for (int c = 0; c < 3; ++c) pixel[c] = level(values[c]);
}

__device__ void write_background(const Targets& targets, std::int64_t i) {
  for (int c = 0; c < 3; ++c) targets.normal[3 * i + c] = targets.position[3 * i + c] = 255;
  targets.mask[i] = 0;
}

__global__ void __launch_bounds__(kThreads) shade_kernel(SeenFaces seen,
                                                         const mesh::Vec3* positions,
                                                         const mesh::Vec3* normals,
                                                         const float* vertex_depth,
                                                         Targets targets,
                                                         DepthCells* range) {
  DepthSeen depths;
  each_of_this_thread(seen.pixels(), [&](std::int64_t i) {
    if (seen.face[i] == 0) return write_background(targets, i);
    const mesh::Face& face = seen.face_at(i);
    const std::array<float, 3> weights = seen.barycentrics_at(i);
    mesh::Vec3 normal = interpolate(normals, face, weights);
    mesh::Vec3 place = interpolate(positions, face, weights);
    for (float& v : normal) v = (v + 1.0f) * 0.5f;
    for (float& v : place) v = 0.5f - v / 1.15f;
    write(targets.normal + 3 * i, normal);
    write(targets.position + 3 * i, place);
    targets.mask[i] = 255;
    targets.depth[i] = interpolate(vertex_depth, face, weights);
    depths.add(targets.depth[i]);
  });
  depths.write(range);
}

Image download_image(const Array<std::uint8_t>& pixels,
                     const DeviceViewMaps& maps,
                     int channels,
                     mesh::cuda::Download& download,
                     cudaStream_t stream) {
  Image image(maps.width, maps.height, channels);
  download.run(pixels.data(), image.pixels.data(), pixels.bytes(), stream);
  return image;
}

}  // namespace

DeviceViewMaps make_maps(const DeviceViewMesh& mesh,
                         const ViewCamera& camera,
                         const DeviceRaster& raster,
                         Arena& arena,
                         cudaStream_t stream) {
  const std::int64_t pixels = raster.face.size();
  Allocator* const memory = arena.allocator();
  DeviceViewMaps maps{.width = raster.width,
                      .height = raster.height,
                      .normal = Array<std::uint8_t>(3 * pixels, memory),
                      .position = Array<std::uint8_t>(3 * pixels, memory),
                      .depth = Array<std::uint8_t>(pixels, memory),
                      .mask = Array<std::uint8_t>(pixels, memory),
                      .range = Array<DepthCells>(1, memory)};
  const ArenaScope scope(arena);
  auto* vertex_depth = take<float>(arena, mesh.positions.size());
  auto* depth = take<float>(arena, pixels);
  DepthCells* range = maps.range.data();
  find_depths(mesh, camera, vertex_depth, stream);
  clear_depths(range, kName, stream);
  const SeenFaces seen(raster, mesh.faces);
  shade_kernel<<<resident_blocks(kName), kThreads, 0, stream>>>(
      seen,
      mesh.positions.data(),
      mesh.normals.data(),
      vertex_depth,
      {maps.normal.data(), maps.position.data(), maps.mask.data(), depth},
      range);
  sinter::cuda::check_launch(kName);
  std::uint8_t* levels = maps.depth.data();
  for_each(pixels, kName, stream, [=] __device__(std::int64_t i) {
    levels[i] = depth_level(seen.face[i] != 0, depth[i], *range);
  });
  return maps;
}

ViewMaps download_maps(const DeviceViewMaps& maps,
                       mesh::cuda::Download& download,
                       cudaStream_t stream) {
  return mesh::with_memory_errors("maps", [&] {
    const DepthCells range = mesh::cuda::read_back(maps.range.data(), kName, stream);
    ViewMaps result;
    result.normal = download_image(maps.normal, maps, 3, download, stream);
    result.position = download_image(maps.position, maps, 3, download, stream);
    result.depth = download_image(maps.depth, maps, 1, download, stream);
    result.mask = download_image(maps.mask, maps, 1, download, stream);
    result.covered_pixels = static_cast<std::int64_t>(range.covered);
    if (range.covered == 0) return result;
    const auto distance = [](std::uint32_t rising) {
      return -static_cast<double>(std::bit_cast<float>(DepthCells::bits_of(rising)));
    };
    result.nearest = distance(range.nearest);
    result.farthest = distance(range.farthest);
    return result;
  });
}

}  // namespace sinter::texture::cuda
