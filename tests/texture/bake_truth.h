#pragma once
// A mesh whose looks are known everywhere: a colour by place. Pictures of it from any camera, and
// how far a textured mesh is from it.

#include <algorithm>
#include <cmath>

#include "core/image.h"
#include "texture/maps/raster_cache.h"

namespace sinter::texture::test {

/// Waves of some 40 pixels of 2048, all channels between 0.1 and 0.9.
inline std::array<float, 3> colour_at(const mesh::Vec3& inner) {
  const auto wave = [](float a, float b) { return 0.5f + 0.2f * std::sin(a) + 0.2f * std::cos(b); };
  return {wave(31 * inner[0] + 4 * inner[2], 23 * inner[1]),
          wave(27 * inner[2], 19 * inner[0] - 6 * inner[1]),
          wave(22 * inner[1] + 9 * inner[2], 17 * inner[2])};
}

/// Calls visit(pixel, face, weights, colour) for every pixel that shows the mesh.
template <class Visit>
void for_each_seen(const ViewMesh& mesh, const ViewCamera& camera, int size, Visit&& visit) {
  RasterCache cache(0);
  const auto raster = cache.get(mesh, camera, size, size, 2);
  for_each_covered(
      *raster,
      mesh.faces,
      0,
      size,
      [&](int x, int y, const mesh::Face& face, const std::array<float, 3>& weights) {
        visit(x, y, face, weights, colour_at(interpolate(mesh.positions, face, weights)));
      });
}

inline Image picture_of(const ViewMesh& mesh, const ViewCamera& camera, int size) {
  Image picture(size, size, 3);
  std::fill(picture.pixels.begin(), picture.pixels.end(), std::uint8_t{255});
  for_each_seen(
      mesh,
      camera,
      size,
      [&](int x, int y, const mesh::Face&, const auto&, const std::array<float, 3>& colour) {
        for (std::size_t c = 0; c < 3; ++c) {
          picture.at(x, y)[c] = static_cast<std::uint8_t>(255 * colour[c] + 0.5f);
        }
      });
  return picture;
}

/// A texture as viewers sample it: between four texels, (0, 0) at the lower left corner.
inline std::array<float, 3> sampled(const Image& texture, float u, float v) {
  const float x = u * static_cast<float>(texture.width) - 0.5f;
  const float y = (1 - v) * static_cast<float>(texture.height) - 0.5f;
  const int x0 = static_cast<int>(std::floor(x)), y0 = static_cast<int>(std::floor(y));
  const float fx = x - static_cast<float>(x0), fy = y - static_cast<float>(y0);
  std::array<float, 3> sum{};
  for (int t = 0; t < 4; ++t) {
    const int tx = std::clamp(x0 + t % 2, 0, texture.width - 1);
    const int ty = std::clamp(y0 + t / 2, 0, texture.height - 1);
    const float tap = (t % 2 != 0 ? fx : 1 - fx) * (t / 2 != 0 ? fy : 1 - fy);
    for (std::size_t c = 0; c < 3; ++c)
      sum[c] += tap * static_cast<float>(texture.at(tx, ty)[c]) / 255;
  }
  return sum;
}

struct Psnr {
  double squares = 0;
  std::int64_t values = 0;
  double decibels() const { return -10 * std::log10(squares / static_cast<double>(values)); }
};

/// 24 cameras, none of the six: two rings above and one below the horizon.
inline std::vector<ViewCamera> other_cameras() {
  std::vector<ViewCamera> cameras;
  for (const double elevation : {-35.0, 20.0, 55.0}) {
    for (int i = 0; i < 8; ++i) {
      cameras.push_back({.azimuth = 22.5 + 45 * i, .elevation = elevation});
    }
  }
  return cameras;
}

/// Of the textured mesh against the truth, seen from the other cameras; `counts(texel)` says which
/// texels matter.
template <class Counts>
Psnr compare_with_truth(const ViewMesh& mesh,
                        std::span<const std::array<float, 2>> uv,
                        const Image& texture,
                        int size,
                        Counts&& counts) {
  Psnr psnr;
  for (const ViewCamera& camera : other_cameras()) {
    for_each_seen(
        mesh,
        camera,
        size,
        [&](int,
            int,
            const mesh::Face& face,
            const std::array<float, 3>& weights,
            const std::array<float, 3>& truth) {
          float u = 0, v = 0;
          for (std::size_t k = 0; k < 3; ++k) {
            u += weights[k] * uv[face[k]][0];
            v += weights[k] * uv[face[k]][1];
          }
          const auto side = static_cast<float>(texture.width);
          const int x = std::clamp(static_cast<int>(u * side), 0, texture.width - 1);
          const int y = std::clamp(static_cast<int>((1 - v) * side), 0, texture.height - 1);
          if (!counts(static_cast<std::size_t>(y) * static_cast<std::size_t>(texture.width) +
                      static_cast<std::size_t>(x))) {
            return;
          }
          const std::array<float, 3> shown = sampled(texture, u, v);
          for (std::size_t c = 0; c < 3; ++c) {
            psnr.squares += static_cast<double>((shown[c] - truth[c]) * (shown[c] - truth[c]));
            ++psnr.values;
          }
        });
  }
  return psnr;
}

}  // namespace sinter::texture::test
