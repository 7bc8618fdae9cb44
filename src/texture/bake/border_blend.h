#pragma once
// What no view shows goes on from what is painted beside it, without a step between the two.
//
// Colours that run from vertex to vertex know nothing of the texels in between, so where a face is
// painted in part they meet what is painted in a step. Here the texels near known ones become a
// membrane that is fixed at those: in sweeps each takes the mean of what rays in eight directions
// end at, which are known texels, the chart's last ones, or those at the rays' greatest length,
// which is halved from 1/64 of the texture to one texel. Texels beside a chart show what lies
// beyond its seam, so seams do not stop it. Every colour is a mean of others: none leaves their
// range.

#include <span>

#include "texture/bake/border_texels.h"
#include "texture/bake/chart_seams.h"
#include "texture/bake/scatter.h"
#include "texture/bake/texel_map.h"

namespace sinter::texture {

class BorderBlend {
 public:
  /// `texture` before it is filled. `first`: by vertex, the first one at its place. The spans and
  /// `texels` must outlive the object.
  BorderBlend(std::span<const mesh::Vec3> positions,
              std::span<const mesh::Face> faces,
              std::span<const std::uint32_t> first,
              const TexelMap& texels,
              const Texture& texture,
              int threads);

  /// `texture` filled somehow: changes what was not known and lies within 1/32 of its side from
  /// known texels.
  void run(Texture& texture) const;

 private:
  /// What a texel of the margin shows.
  struct Beyond {
    std::uint32_t texel;
    SeamPoint at;
  };
  SeamSide side(std::uint32_t half) const {
    return {texels_.raster.points.data(), faces_.data(), half};
  }
  NearestOnSide nearest(std::uint32_t half, std::size_t texel) const;
  std::uint32_t chart_of(std::uint32_t half) const { return seams_.chart[faces_[half / 3][0]]; }
  std::uint32_t from(std::uint32_t half) const { return first_[faces_[half / 3][half % 3]]; }
  ChartTexels charts() const {
    return {texels_.face.data(), faces_.data(), seams_.chart.data(), texels_.raster.width};
  }
  void look_beyond_seams(const Texture& texture);
  void find_band(const Texture& texture);
  template <class Body>
  void each_of_band(Body&& body) const;

  std::span<const mesh::Face> faces_;
  std::span<const std::uint32_t> first_;
  const TexelMap& texels_;
  int threads_;
  ChartSeams seams_;
  std::vector<Beyond> beyond_;  // by rising texel
  // Texels that are blended, rising, their rays, and the number of what they show beyond a seam or
  // kNothing.
  static constexpr std::uint32_t kNothing = 0xffffffff;
  std::vector<std::uint32_t> band_, shows_;
  std::vector<Rays> rays_;
};

}  // namespace sinter::texture
