#include "texture/bake/gather.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "mesh/parallel.h"

namespace sinter::texture {
namespace {

constexpr std::int64_t kTexelGrain = 1 << 14;
/// Least cosine at which a view is asked at all: 84 degrees.
constexpr float kLeastCosine = 0.1f;
/// Part of the ramp that is left at the border of what is reliable: better than no view.
constexpr float kLeastRamp = 1e-3f;
/// Surfaces nearer to each other than this, inner units, are taken for one.
constexpr float kSameDepth = 1e-3f;
/// Least part of a sample that must be seen.
constexpr float kLeastSeen = 0.25f;

/// 0 on the outline of what is reliable, 255 from 8 of 2048 pixels inside.
cv::Mat ramp_of(const ViewGeometry& view) {
  const int width = view.raster->width, height = view.raster->height;
  const int side = 2 * std::max(1, std::max(width, height) / 256) + 1;
  cv::Mat reliable(height, width, CV_8U), mean;
  for (std::size_t i = 0; i < view.reliable.size(); ++i) {
    reliable.data[i] = view.reliable[i] != 0 ? 255 : 0;
  }
  cv::blur(reliable, mean, {side, side}, {-1, -1}, cv::BORDER_REPLICATE);
  for (std::size_t i = 0; i < view.reliable.size(); ++i) {
    mean.data[i] = static_cast<std::uint8_t>(std::max(0, 2 * mean.data[i] - 255));
  }
  return mean;
}

struct Sample {
  std::array<float, 3> colour{};
  float weight = 0;  ///< cosine^4 times the ramp; 0 where the view does not see it
};

class ViewSampler {
 public:
  ViewSampler(const ViewCamera& camera, const ViewGeometry& view, const Image& picture)
      : matrices_(camera_matrices(camera)),
        view_(view),
        picture_(picture),
        ramp_(ramp_of(view)),
        // side of a pixel at distance 1, or at any where the view is orthographic
        pixel_(2 / (matrices_.projection[0][0] * static_cast<float>(view.raster->width - 1))),
        perspective_(camera.perspective) {}

  /// Of a point with its (inward) normal, inner space.
  Sample at(const mesh::Vec3& point, const mesh::Vec3& normal) const {
    const mesh::Vec3 place = matrices_.to_camera(point);
    const ClipVertex clip = matrices_.to_clip(place);
    if (!(clip.w > 0)) return {};
    const float cosine = cosine_of(place, normal);
    if (!(cosine > kLeastCosine)) return {};
    const auto& raster = *view_.raster;
    const float x = (clip.x / clip.w * 0.5f + 0.5f) * static_cast<float>(raster.width - 1);
    const float y = (clip.y / clip.w * 0.5f + 0.5f) * static_cast<float>(raster.height - 1);
    if (!(x > -1 && y > -1 && x < static_cast<float>(raster.width) &&
          y < static_cast<float>(raster.height))) {
      return {};
    }
    const float pixel = perspective_ ? -place[2] * pixel_ : pixel_;
    const float slope = std::sqrt(std::max(0.0f, 1 - cosine * cosine)) / cosine;
    return blend(x, y, place[2], kSameDepth + 2 * pixel * slope, cosine);
  }

 private:
  float cosine_of(const mesh::Vec3& place, const mesh::Vec3& normal) const {
    const mesh::Vec3 n = matrices_.turn(normal);
    const float length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
    if (!perspective_) return -n[2] / std::max(length, 1e-8f);
    const float far = std::sqrt(place[0] * place[0] + place[1] * place[1] + place[2] * place[2]);
    return (n[0] * place[0] + n[1] * place[1] + n[2] * place[2]) / std::max(length * far, 1e-8f);
  }

  /// Between the four pixels around (x, y), in pixels from the centre of the first, of those that
  /// show a surface at this depth.
  Sample blend(float x, float y, float depth, float tolerance, float cosine) const {
    const int x0 = static_cast<int>(std::floor(x)), y0 = static_cast<int>(std::floor(y));
    const float fx = x - static_cast<float>(x0), fy = y - static_cast<float>(y0);
    const int width = view_.raster->width, height = view_.raster->height;
    Sample sample;
    float seen = 0, ramp = 0;
    for (int t = 0; t < 4; ++t) {
      const int px = x0 + t % 2, py = y0 + t / 2;
      if (px < 0 || py < 0 || px >= width || py >= height) continue;
      const std::size_t i = static_cast<std::size_t>(py) * static_cast<std::size_t>(width) +
                            static_cast<std::size_t>(px);
      if (view_.reliable[i] == 0 || std::abs(view_.depth[i] - depth) > tolerance) continue;
      const float tap = (t % 2 != 0 ? fx : 1 - fx) * (t / 2 != 0 ? fy : 1 - fy);
      const std::uint8_t* rgb = picture_.at(px, py);
      for (std::size_t c = 0; c < 3; ++c) sample.colour[c] += tap * static_cast<float>(rgb[c]);
      ramp += tap * static_cast<float>(ramp_.data[i]);
      seen += tap;
    }
    if (seen < kLeastSeen) return {};
    for (float& value : sample.colour) value /= 255 * seen;
    const float square = cosine * cosine;
    sample.weight = square * square * std::max(ramp / (255 * seen), kLeastRamp);
    return sample;
  }

  CameraMatrices matrices_;
  const ViewGeometry& view_;
  const Image& picture_;
  cv::Mat ramp_;
  float pixel_;
  bool perspective_;
};

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
  const ViewSampler sampler(camera, view, picture);
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
          const Sample sample = sampler.at(interpolate(mesh_.positions, face, weights),
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
