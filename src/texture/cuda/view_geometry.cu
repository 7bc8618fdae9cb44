#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scratch.h"
#include "texture/cuda/box_filters.h"
#include "texture/cuda/canny.h"
#include "texture/cuda/depth_range.cuh"
#include "texture/cuda/grid_stride.cuh"
#include "texture/cuda/seen_faces.cuh"
#include "texture/cuda/view_geometry.h"

namespace sinter::texture::cuda {
namespace {

using mesh::cuda::for_each;
using mesh::cuda::kThreads;
using mesh::cuda::take;

constexpr const char* kName = "view geometry";

__global__ void __launch_bounds__(kThreads) geometry_kernel(SeenFaces seen,
                                                            const float* vertex_depth,
                                                            const mesh::Vec3* turned,
                                                            float* depth,
                                                            float* cosine,
                                                            DepthCells* range) {
  DepthSeen depths;
  each_of_this_thread(seen.pixels(), [&](std::int64_t i) {
    depth[i] = cosine[i] = 0;
    if (seen.face[i] == 0) return;
    const std::array<float, 3> weights = seen.barycentrics_at(i);
    depth[i] = interpolate(vertex_depth, seen.face_at(i), weights);
    cosine[i] = facing(interpolate(turned, seen.face_at(i), weights));
    depths.add(depth[i]);
  });
  depths.write(range);
}

void find_reliable(DeviceViewGeometry& view,
                   const DepthCells* range,
                   int radius,
                   Arena& arena,
                   cudaStream_t stream) {
  const int width = view.raster.width, height = view.raster.height;
  const std::int64_t pixels = view.depth.size();
  auto* levels = take<std::uint8_t>(arena, pixels);
  auto* doubtful = take<std::uint8_t>(arena, pixels);
  const std::int32_t* face = view.raster.face.data();
  const float* depth = view.depth.data();
  std::uint8_t* reliable = view.reliable.data();
  for_each(pixels, kName, stream, [=] __device__(std::int64_t i) {
    levels[i] = depth_level(face[i] != 0, depth[i], *range);
  });
  find_edges(levels, width, height, kLowEdge, kHighEdge, doubtful, arena, stream);
  for_each(pixels, kName, stream, [=] __device__(std::int64_t i) {
    if (face[i] == 0) doubtful[i] = 1;
  });
  dilate(doubtful, width, height, radius, arena, stream);
  for_each(
      pixels, kName, stream, [=] __device__(std::int64_t i) { reliable[i] = doubtful[i] == 0; });
}

}  // namespace

DeviceViewGeometry view_geometry(const DeviceViewMesh& mesh,
                                 const ViewCamera& camera,
                                 DeviceRaster raster,
                                 int radius,
                                 Arena& arena,
                                 cudaStream_t stream) {
  const std::int64_t pixels = raster.face.size(), vertices = mesh.positions.size();
  Allocator* const memory = arena.allocator();
  DeviceViewGeometry view{.raster = std::move(raster),
                          .depth = Array<float>(pixels, memory),
                          .cosine = Array<float>(pixels, memory),
                          .reliable = Array<std::uint8_t>(pixels, memory)};
  const ArenaScope scope(arena);
  auto* vertex_depth = take<float>(arena, vertices);
  auto* turned = take<mesh::Vec3>(arena, vertices);  // normals in camera space
  auto* range = take<DepthCells>(arena, 1);
  find_depths(mesh, camera, vertex_depth, stream);
  const mesh::Vec3* normals = mesh.normals.data();
  const CameraMatrices matrices = camera_matrices(camera);
  for_each(vertices, kName, stream, [=] __device__(std::int64_t v) {
    turned[v] = matrices.turn(normals[v]);
  });
  clear_depths(range, kName, stream);
  geometry_kernel<<<resident_blocks(kName), kThreads, 0, stream>>>(
      SeenFaces(view.raster, mesh.faces),
      vertex_depth,
      turned,
      view.depth.data(),
      view.cosine.data(),
      range);
  sinter::cuda::check_launch(kName);
  find_reliable(view, range, radius, arena, stream);
  return view;
}

}  // namespace sinter::texture::cuda
