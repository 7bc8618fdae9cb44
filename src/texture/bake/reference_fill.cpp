#include "texture/bake/reference_fill.h"

#include "texture/bake/inpaint.h"
#include "texture/bake/surface_fill.h"
#include "texture/bake/vertex_fill.h"
#include "texture/maps/map_levels.h"

namespace sinter::texture {

Image to_image(const Texture& texture, bool cut_off) {
  Image image(texture.size, texture.size, 3);
  for (std::size_t i = 0; i < texture.colour.size(); ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      image.pixels[3 * i + c] = texture_level(texture.colour[i][c], cut_off);
    }
  }
  return image;
}

std::int64_t count_known(const Texture& texture, const TexelMap& texels) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < texture.known.size(); ++i) {
    count += texture.known[i] != 0 && texels.raster.face[i] != 0;
  }
  return count;
}

namespace {

/// Charts that nothing known reaches in the plane: along the surface.
void finish_islands(const BakeTarget& target,
                    const TexelMap& texels,
                    const std::vector<Pixel>& pixels,
                    Image& image,
                    BakeReport& report) {
  const auto black = [&](std::size_t i) {
    return (image.pixels[3 * i] | image.pixels[3 * i + 1] | image.pixels[3 * i + 2]) == 0;
  };
  Texture texture{image.width, {}, std::vector<std::uint8_t>(pixels.size())};
  texture.colour.resize(pixels.size());
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    // What was wanted and is black still may be black by right; it comes out black again then.
    texture.known[i] = pixels[i] == Pixel::known || (pixels[i] == Pixel::wanted && !black(i));
    for (std::size_t c = 0; c < 3; ++c) {
      texture.colour[i][c] = static_cast<float>(image.pixels[3 * i + c]) / 255;
    }
  }
  fill_along_surface(target.mesh.positions, target.mesh.faces, texels, texture);
  report.unfilled_texels = report.chart_texels - count_known(texture, texels);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    if (pixels[i] != Pixel::wanted || !black(i)) continue;
    for (std::size_t c = 0; c < 3; ++c) {
      image.pixels[3 * i + c] = static_cast<std::uint8_t>(texture.colour[i][c] * 255 + 0.5f);
    }
  }
}

}  // namespace

Image fill_by_reference(const BakeTarget& target,
                        const TexelMap& texels,
                        Texture texture,
                        BakeReport& report) {
  fill_vertices(target.mesh.positions, target.mesh.faces, target.uv, texture);
  Image image = to_image(texture, true);
  std::vector<std::int32_t> wanted = texels.face;
  grow(wanted, texture.size, kGutter, [](std::size_t, std::size_t) {});
  std::vector<Pixel> pixels(wanted.size());
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = texture.known[i] != 0 ? Pixel::known
                : wanted[i] != 0      ? Pixel::wanted
                                      : Pixel::outside;
  }
  inpaint_navier_stokes(image, pixels);
  report.filled_texels = report.chart_texels - report.seen_texels;
  finish_islands(target, texels, pixels, image, report);
  return image;
}

}  // namespace sinter::texture
