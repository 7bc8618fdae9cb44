#include "texture/bake/border_blend.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "mesh/parallel.h"

namespace sinter::texture {
namespace {

constexpr std::int64_t kBandGrain = 1 << 12;

bool sought(const TexelMap& texels, const Texture& texture, std::size_t i) {
  return texels.face[i] != 0 && texture.known[i] == 0;
}

}  // namespace

BorderBlend::BorderBlend(std::span<const mesh::Vec3> positions,
                         std::span<const mesh::Face> faces,
                         std::span<const std::uint32_t> first,
                         const TexelMap& texels,
                         const Texture& texture,
                         int threads)
    : faces_(faces), first_(first), texels_(texels), threads_(threads) {
  bool any = false;
  for (std::size_t i = 0; i < texture.known.size() && !any; ++i) any = sought(texels, texture, i);
  if (!any) return;
  seams_ = find_chart_seams(positions, faces, first, texels.raster.points);
  look_beyond_seams(texture);
  find_band(texture);
}

template <class Body>
void BorderBlend::each_of_band(Body&& body) const {
  mesh::parallel_blocks(threads_,
                        static_cast<std::int64_t>(band_.size()),
                        kBandGrain,
                        [&](std::int64_t begin, std::int64_t end) {
                          for (std::int64_t n = begin; n < end; ++n) {
                            body(static_cast<std::size_t>(n));
                          }
                        });
}

NearestOnSide BorderBlend::nearest(std::uint32_t half, std::size_t texel) const {
  const auto width = static_cast<std::size_t>(texels_.raster.width);
  return nearest_on(side(half), static_cast<int>(texel % width), static_cast<int>(texel / width));
}

/// Each texel that is sought beside a chart looks across the nearest edge of its chart's seams, of
/// those that are as near the first.
void BorderBlend::look_beyond_seams(const Texture& texture) {
  const int size = texels_.raster.width;
  std::vector<std::uint32_t> across(texels_.face.size(), kNoHalf);
  for (std::uint32_t half = 0; half < seams_.other.size(); ++half) {
    if (seams_.other[half] == kNoHalf || !(side(half).square() > 0)) continue;
    side(half).each_beside(0, 1, size, [&](int x, int y) {
      const std::int64_t i = std::int64_t{y} * size + x;
      const auto texel = static_cast<std::size_t>(i);
      if (texels_.raster.face[texel] != 0 || !sought(texels_, texture, texel) ||
          charts().chart_at(i) != chart_of(half)) {
        return;
      }
      // Halves rise: one as near as an earlier one is not taken.
      std::uint32_t& nearest_half = across[texel];
      if (nearest_half == kNoHalf ||
          nearest(half, texel).distance < nearest(nearest_half, texel).distance) {
        nearest_half = half;
      }
    });
  }
  for (std::size_t i = 0; i < across.size(); ++i) {
    const std::uint32_t here = across[i];
    if (here == kNoHalf) continue;
    const std::uint32_t there = seams_.other[here];
    beyond_.push_back({static_cast<std::uint32_t>(i),
                       across_seam(side(here),
                                   nearest(here, i),
                                   side(there),
                                   from(here) == from(there),
                                   chart_of(there))});
  }
}

void BorderBlend::find_band(const Texture& texture) {
  const int size = texels_.raster.width, reach = std::max(1, size / kBlendFraction);
  cv::Mat near(size, size, CV_8U);
  for (std::size_t i = 0; i < texture.known.size(); ++i) {
    near.data[i] = texels_.face[i] != 0 && texture.known[i] != 0;
  }
  for (const Beyond& beyond : beyond_) {
    charts().each_tap(beyond.at, [&](std::int64_t tap, float) {
      if (texture.known[static_cast<std::size_t>(tap)] != 0) near.data[beyond.texel] = 1;
    });
  }
  cv::dilate(near, near, cv::Mat::ones(2 * reach + 1, 2 * reach + 1, CV_8U));
  std::uint32_t next = 0;
  for (std::size_t i = 0; i < texture.known.size(); ++i) {
    if (near.data[i] == 0 || !sought(texels_, texture, i)) continue;
    while (next < beyond_.size() && beyond_[next].texel < i) ++next;
    const bool shows = next < beyond_.size() && beyond_[next].texel == i;
    band_.push_back(static_cast<std::uint32_t>(i));
    shows_.push_back(shows ? next : kNothing);
  }
  std::vector<std::uint8_t> around(texture.known.size(), 0);
  each_of_band([&](std::size_t n) { around[band_[n]] = charts().neighbours(band_[n]); });
  rays_.resize(band_.size());
  const int longest = longest_ray(size);
  each_of_band([&](std::size_t n) { rays_[n] = charts().rays(band_[n], around.data(), longest); });
}

void BorderBlend::run(Texture& texture) const {
  std::vector<Colour> next(band_.size());
  const Colour* const colours = texture.colour.data();
  for (int longest = longest_ray(texture.size); longest > 0; longest /= 2) {
    for (int sweep = 0; sweep < kBlendSweeps; ++sweep) {
      each_of_band([&](std::size_t n) {
        next[n] = shows_[n] != kNothing
                      ? charts().sample(beyond_[shows_[n]].at, band_[n], colours)
                      : charts().mean_of_rays(band_[n], rays_[n], longest, colours);
      });
      each_of_band([&](std::size_t n) { texture.colour[band_[n]] = next[n]; });
    }
  }
}

}  // namespace sinter::texture
