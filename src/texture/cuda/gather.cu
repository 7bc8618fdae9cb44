#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scratch.h"
#include "texture/bake/view_sampler.h"
#include "texture/cuda/box_filters.h"
#include "texture/cuda/gather.h"
#include "texture/cuda/texel_places.cuh"

namespace sinter::texture::cuda {

using mesh::cuda::for_each;
using mesh::cuda::set_bytes;
using mesh::cuda::take;

namespace {

constexpr const char* kName = "gather";

}  // namespace

TexelGather::TexelGather(const DeviceViewMesh& mesh,
                         const DeviceTexelMap& texels,
                         Arena& arena,
                         cudaStream_t stream)
    : mesh_(mesh),
      texels_(texels),
      colour_(texels.face.size(), arena.allocator()),
      weight_(texels.face.size(), arena.allocator()) {
  set_bytes(colour_.data(), 0, colour_.size(), kName, stream);
  set_bytes(weight_.data(), 0, weight_.size(), kName, stream);
}

void TexelGather::add(const ViewCamera& camera,
                      const DeviceViewGeometry& view,
                      const DevicePicture& picture,
                      Arena& arena,
                      cudaStream_t stream) {
  const ArenaScope scope(arena);
  const int width = view.raster.width, height = view.raster.height;
  auto* ramp = take<std::uint8_t>(arena, view.depth.size());
  find_ramp(view.reliable.data(), width, height, ramp, arena, stream);
  ViewSampler sampler(camera, width, height);
  sampler.depth = view.depth.data();
  sampler.reliable = view.reliable.data();
  sampler.ramp = ramp;
  sampler.picture = picture.pixels.data();
  sampler.channels = picture.channels;
  const TexelPlaces places(texels_, mesh_.faces);
  const mesh::Vec3 *positions = mesh_.positions.data(), *normals = mesh_.normals.data();
  std::array<float, 3>* colours = colour_.data();
  float* weights = weight_.data();
  const auto factor = static_cast<float>(camera.weight);
  for_each(places.count(), kName, stream, [=] __device__(std::int64_t i) {
    if (places.face[i] == 0) return;
    const mesh::Face& face = places.face_at(i);
    const std::array<float, 3> at = places.weights_at(i);
    const ViewSample sample =
        sampler.at(interpolate(positions, face, at), interpolate(normals, face, at));
    const float weight = factor * sample.weight;
    for (int c = 0; c < 3; ++c) colours[i][c] += weight * sample.colour[c];
    weights[i] += weight;
  });
}

DeviceTexture TexelGather::finish(Arena& arena, cudaStream_t stream) {
  DeviceTexture texture{.size = texels_.raster.width,
                        .colour = std::move(colour_),
                        .known = Array<std::uint8_t>(weight_.size(), arena.allocator())};
  std::array<float, 3>* colours = texture.colour.data();
  std::uint8_t* known = texture.known.data();
  const float* weights = weight_.data();
  for_each(weight_.size(), kName, stream, [=] __device__(std::int64_t i) {
    known[i] = weights[i] > 0;
    if (known[i] == 0) return;
    for (float& value : colours[i]) value /= weights[i];
  });
  return texture;
}

}  // namespace sinter::texture::cuda
