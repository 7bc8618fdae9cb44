#pragma once
// A texture at every size, looked up over the area that a pixel sees of it.

#include <array>
#include <cstdint>
#include <vector>

#include "sinter/mesh_types.h"

namespace sinter::texture {

/// Places in a texture are in sides of it, (0, 0) its upper left corner, v downwards.
using TexturePoint = std::array<double, 2>;

/// What a sample of the picture covers of a texture: its centre, and the way to its neighbours to
/// the right and below.
struct TextureFootprint {
  TexturePoint centre, right, down;
};

/// The texture and its halves, quarters, ... down to one texel, each the mean of the one before by
/// area in linear light, kept as sRGB levels.
class MipTexture {
 public:
  /// Keeps a reference to `texture`. Raises "[render] texture: ..." (invalid_argument) for sizes
  /// that do not fit the levels.
  MipTexture(const sinter::Texture& texture, int threads);

  /// Linear RGB. Where texels are smaller than the footprint: the mean of up to 16 trilinear
  /// look-ups along its longer axis, each as wide as the shorter one; so a surface seen at a
  /// grazing angle is neither blurred nor does it alias. Where they are larger: bilinear, or the
  /// nearest texel. A coordinate that is not finite counts as 0.
  std::array<float, 3> sample(const TextureFootprint& footprint, const Material& material) const;

 private:
  struct Level {
    int width, height;
    const std::uint8_t* pixels;
  };

  std::array<float, 3> trilinear(const TexturePoint& at, double lod, const Material& m) const;
  void add_bilinear(const Level& level,
                    const TexturePoint& at,
                    const Material& material,
                    float weight,
                    std::array<float, 3>& sum) const;
  std::array<float, 3> nearest(const TexturePoint& at, const Material& material) const;
  const std::uint8_t* texel(const Level& level, std::int64_t x, std::int64_t y) const {
    return level.pixels + (y * level.width + x) * channels_;
  }

  int channels_;
  std::vector<Level> levels_;
  std::vector<std::vector<std::uint8_t>> halves_;
};

}  // namespace sinter::texture
