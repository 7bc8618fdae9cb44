#include "texture/bake/gather.h"

#include <opencv2/imgproc.hpp>

#include "mesh/parallel.h"
#include "texture/bake/view_sampler.h"

namespace sinter::texture {
namespace {

constexpr std::int64_t kTexelGrain = 1 << 14;
/// ViewSampler::ramp; OpenCV's mean is mean_level().
cv::Mat ramp_of(const ViewGeometry& view) {
  const int width = view.raster->width, height = view.raster->height;
  const int side = ViewSampler::ramp_side(width, height);
  cv::Mat reliable(height, width, CV_8U), mean;
  for (std::size_t i = 0; i < view.reliable.size(); ++i) {
    reliable.data[i] = view.reliable[i] != 0 ? 255 : 0;
  }
  cv::blur(reliable, mean, {side, side}, {-1, -1}, cv::BORDER_REPLICATE);
  for (std::size_t i = 0; i < view.reliable.size(); ++i) {
    mean.data[i] = ViewSampler::ramp_level(mean.data[i]);
  }
  return mean;
}

}  // namespace

TexelGather::TexelGather(const ViewMesh& mesh,
                         const std::vector<mesh::Vec3>& normals,
                         const TexelMap& texels)
    : mesh_(mesh), normals_(normals), texels_(texels) {
  colour_.assign(texels.face.size(), {0, 0, 0});
  weight_.assign(texels.face.size(), 0);
}

void TexelGather::add(const ViewCamera& camera,
                      const ViewGeometry& view,
                      const Image& picture,
                      int threads) {
  const cv::Mat ramp = ramp_of(view);
  ViewSampler sampler(camera, view.raster->width, view.raster->height);
  sampler.depth = view.depth.data();
  sampler.reliable = view.reliable.data();
  sampler.ramp = ramp.data;
  sampler.picture = picture.pixels.data();
  sampler.channels = picture.channels;
  const auto factor = static_cast<float>(camera.weight);
  mesh::parallel_blocks(
      threads,
      static_cast<std::int64_t>(weight_.size()),
      kTexelGrain,
      [&](std::int64_t begin, std::int64_t end) {
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
          if (texels_.face[i] == 0) continue;
          const mesh::Face& face = mesh_.faces[static_cast<std::size_t>(texels_.face[i] - 1)];
          const std::array<float, 3> weights = texels_.weights(mesh_.faces, i);
          const ViewSample sample = sampler.at(interpolate(mesh_.positions, face, weights),
                                               interpolate(normals_, face, weights));
          const float weight = factor * sample.weight;
          for (std::size_t c = 0; c < 3; ++c) colour_[i][c] += weight * sample.colour[c];
          weight_[i] += weight;
        }
      });
}

Texture TexelGather::finish() const {
  Texture texture{texels_.raster.width, colour_, std::vector<std::uint8_t>(weight_.size())};
  for (std::size_t i = 0; i < weight_.size(); ++i) {
    texture.known[i] = weight_[i] > 0;
    if (texture.known[i] == 0) continue;
    for (float& value : texture.colour[i]) value /= weight_[i];
  }
  return texture;
}

}  // namespace sinter::texture
