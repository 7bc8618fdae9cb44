#pragma once
// What a view tells of a place on the surface, for the host and for kernels; gather.h says how it
// is used.

#include <cstdint>

#include "texture/maps/face_edges.h"
#include "texture/maps/view_camera.h"

namespace sinter::texture {

/// One view's part in a texel.
struct ViewSample {
  std::array<float, 3> colour{};
  float weight = 0;  ///< cosine^4 times the ramp; 0 where the view does not see it
};

/// A view with its picture. Arrays are by pixel, rows from the top, and outlive the object.
struct ViewSampler {
  CameraMatrices matrices;
  bool perspective;
  int width, height;
  const float* depth;            ///< ViewGeometry
  const std::uint8_t* reliable;  ///< ViewGeometry
  const std::uint8_t* ramp;      ///< ramp_level()
  const std::uint8_t* picture;   ///< [height, width, channels]
  int channels;
  /// Side of a pixel at distance 1, or at any where the view is orthographic.
  float pixel;

  ViewSampler(const ViewCamera& camera, int view_width, int view_height)
      : matrices(camera_matrices(camera)),
        perspective(camera.perspective),
        width(view_width),
        height(view_height),
        pixel(2 / (matrices.projection[0][0] * static_cast<float>(view_width - 1))) {}

  /// Of a point with its (inward) normal, inner space.
  SINTER_BOTH_SIDES ViewSample at(const mesh::Vec3& point, const mesh::Vec3& normal) const {
    constexpr float kLeastCosine = 0.1f;  // 84 degrees
    constexpr float kSameDepth = 1e-3f;   // surfaces nearer to each other are taken for one
    const mesh::Vec3 place = matrices.to_camera(point);
    const ClipVertex clip = matrices.to_clip(place);
    if (!(clip.w > 0)) return {};
    const float cosine = cosine_of(place, normal);
    if (!(cosine > kLeastCosine)) return {};
    const float x = (clip.x / clip.w * 0.5f + 0.5f) * static_cast<float>(width - 1);
    const float y = (clip.y / clip.w * 0.5f + 0.5f) * static_cast<float>(height - 1);
    if (!(x > -1 && y > -1 && x < static_cast<float>(width) && y < static_cast<float>(height))) {
      return {};
    }
    const float side = perspective ? -place[2] * pixel : pixel;
    const float slope = std::sqrt(std::max(0.0f, 1 - cosine * cosine)) / cosine;
    return blend(x, y, place[2], kSameDepth + 2 * side * slope, cosine);
  }

  /// Side of the box whose mean the ramp is: 17 of 2048 pixels.
  static int ramp_side(int width, int height) {
    return 2 * std::max(1, std::max(width, height) / 256) + 1;
  }
  /// Of a box of `area` pixels, an odd number: the mean of 255 where a pixel is reliable and 0
  /// elsewhere, rounded. It never lies between two levels.
  SINTER_BOTH_SIDES static int mean_level(int reliable, int area) {
    return (2 * 255 * reliable + area) / (2 * area);
  }
  /// 0 on the outline of what is reliable, 255 from half a box inside.
  SINTER_BOTH_SIDES static std::uint8_t ramp_level(int mean) {
    return static_cast<std::uint8_t>(std::max(0, 2 * mean - 255));
  }

 private:
  SINTER_BOTH_SIDES float cosine_of(const mesh::Vec3& place, const mesh::Vec3& normal) const {
    const mesh::Vec3 n = matrices.turn(normal);
    if (!perspective) return facing(n);
    const float length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
    const float far = std::sqrt(place[0] * place[0] + place[1] * place[1] + place[2] * place[2]);
    return (n[0] * place[0] + n[1] * place[1] + n[2] * place[2]) / std::max(length * far, 1e-8f);
  }

  /// Between the four pixels around (x, y), in pixels from the centre of the first, of those that
  /// show a surface at this depth.
  SINTER_BOTH_SIDES ViewSample
  blend(float x, float y, float at_depth, float tolerance, float cosine) const {
    constexpr float kLeastSeen = 0.25f;  // part of a sample that must be seen
    constexpr float kLeastRamp = 1e-3f;  // at the border of what is reliable: better than no view
    const int x0 = static_cast<int>(std::floor(x)), y0 = static_cast<int>(std::floor(y));
    const float fx = x - static_cast<float>(x0), fy = y - static_cast<float>(y0);
    ViewSample sample;
    float seen = 0, ramps = 0;
    for (int t = 0; t < 4; ++t) {
      const int px = x0 + t % 2, py = y0 + t / 2;
      if (px < 0 || py < 0 || px >= width || py >= height) continue;
      const std::int64_t i = std::int64_t{py} * width + px;
      if (reliable[i] == 0 || std::abs(depth[i] - at_depth) > tolerance) continue;
      const float tap = (t % 2 != 0 ? fx : 1 - fx) * (t / 2 != 0 ? fy : 1 - fy);
      for (int c = 0; c < 3; ++c) {
        sample.colour[static_cast<std::size_t>(c)] +=
            tap * static_cast<float>(picture[i * channels + c]);
      }
      ramps += tap * static_cast<float>(ramp[i]);
      seen += tap;
    }
    if (seen < kLeastSeen) return {};
    for (float& value : sample.colour) value /= 255 * seen;
    const float square = cosine * cosine;
    sample.weight = square * square * std::max(ramps / (255 * seen), kLeastRamp);
    return sample;
  }
};

}  // namespace sinter::texture
