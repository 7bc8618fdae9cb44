#include "texture/bake/reference_fill.h"

#include <algorithm>
#include <atomic>

#include "cpu/threads.h"
#include "texture/bake/inpaint.h"
#include "texture/bake/surface_fill.h"
#include "texture/bake/vertex_fill.h"
#include "texture/maps/map_levels.h"

namespace sinter::texture {
namespace {

template <class Body>
void each_texel(int size, int threads, Body&& body) {
  const auto side = static_cast<std::int64_t>(size);
  cpu::parallel_ranges(threads, side * side, [&](std::int64_t begin, std::int64_t end, int) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) body(i);
  });
}

}  // namespace

Image to_image(const Texture& texture, bool cut_off, int threads) {
  Image image(texture.size, texture.size, 3);
  each_texel(texture.size, threads, [&](std::size_t i) {
    for (std::size_t c = 0; c < 3; ++c) {
      image.pixels[3 * i + c] = texture_level(texture.colour[i][c], cut_off);
    }
  });
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

/// Known, or wanted: a texel of a chart or at most kGutter rows and columns away from one.
std::vector<Pixel> divide(const TexelMap& texels, const Texture& texture, int threads) {
  const int size = texture.size;
  const auto side = static_cast<std::size_t>(size);
  const auto each_row = [&](auto&& body) {
    cpu::parallel_ranges(threads, size, [&](std::int64_t begin, std::int64_t end, int) {
      for (int y = static_cast<int>(begin); y < static_cast<int>(end); ++y) body(y);
    });
  };
  std::vector<std::uint8_t> beside(side * side);  // a chart's texel in its row
  each_row([&](int y) {
    const std::int32_t* const faces = texels.face.data() + static_cast<std::size_t>(y) * side;
    std::uint8_t* const row = beside.data() + static_cast<std::size_t>(y) * side;
    int marked = 0;  // what is left of it is done
    for (int x = 0; x < size; ++x) {
      if (faces[x] == 0) continue;
      const int end = std::min(x + kGutter + 1, size);
      for (marked = std::max(marked, x - kGutter); marked < end; ++marked) row[marked] = 1;
    }
  });
  std::vector<Pixel> pixels(side * side);
  each_row([&](int y) {
    std::vector<std::uint8_t> near(side);
    const int end = std::min(y + kGutter + 1, size);
    for (int other = std::max(y - kGutter, 0); other < end; ++other) {
      const std::uint8_t* const row = beside.data() + static_cast<std::size_t>(other) * side;
      for (std::size_t x = 0; x < side; ++x) near[x] |= row[x];
    }
    for (std::size_t x = 0; x < side; ++x) {
      const std::size_t i = static_cast<std::size_t>(y) * side + x;
      pixels[i] = texture.known[i] != 0 ? Pixel::known
                  : near[x] != 0        ? Pixel::wanted
                                        : Pixel::outside;
    }
  });
  return pixels;
}

/// Charts that nothing known reaches in the plane: along the surface.
void finish_islands(const BakeTarget& target,
                    const TexelMap& texels,
                    const std::vector<Pixel>& pixels,
                    int threads,
                    Image& image,
                    BakeReport& report) {
  // What was wanted and is black still may be black by right; it comes out black again then.
  const auto blank = [&](std::size_t i) {
    return pixels[i] == Pixel::wanted &&
           (image.pixels[3 * i] | image.pixels[3 * i + 1] | image.pixels[3 * i + 2]) == 0;
  };
  std::atomic<std::int64_t> blanks{0};
  cpu::parallel_ranges(
      threads,
      static_cast<std::int64_t>(pixels.size()),
      [&](std::int64_t begin, std::int64_t end, int) {
        std::int64_t count = 0;
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
          count += texels.face[i] != 0 && blank(i);
        }
        blanks += count;
      });
  report.unfilled_texels = 0;
  if (blanks == 0) return;
  Texture texture{image.width, {}, std::vector<std::uint8_t>(pixels.size())};
  texture.colour.resize(pixels.size());
  each_texel(image.width, threads, [&](std::size_t i) {
    texture.known[i] = pixels[i] != Pixel::outside && !blank(i);
    for (std::size_t c = 0; c < 3; ++c) {
      texture.colour[i][c] = static_cast<float>(image.pixels[3 * i + c]) / 255;
    }
  });
  fill_along_surface(target.mesh.positions, target.mesh.faces, texels, texture);
  report.unfilled_texels = report.chart_texels - count_known(texture, texels);
  each_texel(image.width, threads, [&](std::size_t i) {
    if (!blank(i)) return;
    for (std::size_t c = 0; c < 3; ++c) {
      image.pixels[3 * i + c] = static_cast<std::uint8_t>(texture.colour[i][c] * 255 + 0.5f);
    }
  });
}

}  // namespace

Image fill_by_reference(const BakeTarget& target,
                        const TexelMap& texels,
                        Texture texture,
                        int threads,
                        BakeReport& report) {
  fill_vertices(target.mesh.positions, target.mesh.faces, target.uv, threads, texture);
  Image image = to_image(texture, true, threads);
  const std::vector<Pixel> pixels = divide(texels, texture, threads);
  inpaint_navier_stokes(image, pixels, threads);
  report.filled_texels = report.chart_texels - report.seen_texels;
  finish_islands(target, texels, pixels, threads, image, report);
  return image;
}

}  // namespace sinter::texture
