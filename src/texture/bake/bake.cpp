#include "texture/bake/bake.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "mesh/parallel.h"
#include "texture/bake/gather.h"
#include "texture/bake/inpaint.h"
#include "texture/bake/scatter.h"
#include "texture/bake/surface_fill.h"
#include "texture/bake/texel_map.h"
#include "texture/bake/vertex_fill.h"

namespace sinter::texture {
namespace {

/// Texels around charts that are coloured too: what filters and small mipmaps reach.
constexpr int kGutter = 8;

class Clock {
 public:
  /// Milliseconds since the last call.
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double passed = std::chrono::duration<double, std::milli>(now - last_).count();
    last_ = now;
    return passed;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// Texels of which no part of the mesh is the colour: 255 v cut off, as the reference stores it, or
/// rounded.
Image to_image(const Texture& texture, bool cut_off) {
  Image image(texture.size, texture.size, 3);
  for (std::size_t i = 0; i < texture.colour.size(); ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      const float level = std::clamp(texture.colour[i][c], 0.0f, 1.0f) * 255;
      image.pixels[3 * i + c] = static_cast<std::uint8_t>(cut_off ? level : level + 0.5f);
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

class Baker {
 public:
  Baker(const BakeTarget& target,
        std::span<const ViewCamera> cameras,
        std::span<const Image> pictures,
        const BakeOptions& options,
        RasterCache& rasters,
        BakeReport& report)
      : target_(target),
        cameras_(cameras),
        pictures_(pictures),
        options_(options),
        rasters_(rasters),
        report_(report),
        normals_(mean_normals(target.mesh.positions, target.mesh.faces, options.unwrap.threads)) {}

  Image run() { return options_.method == BakeMethod::reference ? by_reference() : best(); }

 private:
  ViewGeometry geometry(std::size_t view, int radius) {
    return view_geometry(
        target_.mesh,
        normals_,
        cameras_[view],
        rasters_.get(
            target_.mesh, cameras_[view], options_.render_size, options_.render_size, threads()),
        radius,
        threads());
  }
  int threads() const { return options_.unwrap.threads; }
  int size() const { return options_.unwrap.texture_size; }
  TexelMap texel_map(TexelGrid grid, int margin) const {
    return map_texels(target_.uv, target_.mesh.faces, size(), grid, margin, threads());
  }
  void count(const Texture& texture, const TexelMap& texels) {
    const auto& faces = texels.raster.face;
    report_.chart_texels =
        static_cast<std::int64_t>(faces.size()) - std::count(faces.begin(), faces.end(), 0);
    report_.seen.resize(faces.size());
    for (std::size_t i = 0; i < faces.size(); ++i) {
      report_.seen[i] = texture.known[i] != 0 && faces[i] != 0;
    }
    report_.seen_texels = std::count(report_.seen.begin(), report_.seen.end(), 1);
  }

  Image best() {
    constexpr int kMargin = 2;  // texels that a viewer blends into those of a chart
    Clock clock;
    const TexelMap texels = texel_map(TexelGrid::centres, kMargin);
    TexelGather gather(target_.mesh, normals_, texels);
    const int radius =
        std::max(options_.render_size / 1024, target_.enlarged > 1 ? 2 * target_.enlarged : 1);
    for (std::size_t v = 0; v < cameras_.size(); ++v) {
      gather.add(cameras_[v], geometry(v, radius), pictures_[v], threads());
    }
    Texture texture = gather.finish();
    count(texture, texels);
    report_.project_ms = clock.lap();
    report_.filled_texels =
        fill_along_surface(target_.mesh.positions, target_.mesh.faces, texels, texture);
    std::vector<std::int32_t> reached = texels.face;
    grow(reached, size(), kGutter - kMargin, [&](std::size_t to, std::size_t from) {
      texture.colour[to] = texture.colour[from];
    });
    fill_rest(texture, reached);
    report_.unfilled_texels = report_.chart_texels - count_known(texture, texels);
    report_.fill_ms = clock.lap();
    return to_image(texture, false);
  }

  Image by_reference() {
    Clock clock;
    ViewMerge merge(size());
    for (std::size_t v = 0; v < cameras_.size(); ++v) {
      // 2 of 512 pixels
      const int radius = static_cast<int>(2.0 / 512 * options_.render_size);
      const ScatteredView view =
          scatter_view(target_.mesh, target_.uv, geometry(v, radius), pictures_[v], size());
      if (!merge.add(view, cameras_[v].weight, threads())) {
        report_.skipped_views.push_back(static_cast<int>(v));
      }
    }
    Texture texture = merge.finish();
    const TexelMap texels = texel_map(TexelGrid::corners, 0);
    count(texture, texels);
    report_.project_ms = clock.lap();
    fill_vertices(target_.mesh.positions, target_.mesh.faces, target_.uv, texture);
    Image image = to_image(texture, true);
    std::vector<std::int32_t> wanted = texels.face;
    grow(wanted, size(), kGutter, [](std::size_t, std::size_t) {});
    std::vector<Pixel> pixels(wanted.size());
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      pixels[i] = texture.known[i] != 0 ? Pixel::known
                  : wanted[i] != 0      ? Pixel::wanted
                                        : Pixel::outside;
    }
    inpaint_navier_stokes(image, pixels);
    report_.filled_texels = report_.chart_texels - report_.seen_texels;
    finish_islands(texels, pixels, image);
    report_.fill_ms = clock.lap();
    return image;
  }

  /// Charts that nothing known reaches in the plane: along the surface.
  void finish_islands(const TexelMap& texels, const std::vector<Pixel>& pixels, Image& image) {
    const auto black = [&](std::size_t i) {
      return (image.pixels[3 * i] | image.pixels[3 * i + 1] | image.pixels[3 * i + 2]) == 0;
    };
    Texture texture{size(), {}, std::vector<std::uint8_t>(pixels.size())};
    texture.colour.resize(pixels.size());
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      // What was wanted and is black still may be black by right; it comes out black again then.
      texture.known[i] = pixels[i] == Pixel::known || (pixels[i] == Pixel::wanted && !black(i));
      for (std::size_t c = 0; c < 3; ++c) {
        texture.colour[i][c] = static_cast<float>(image.pixels[3 * i + c]) / 255;
      }
    }
    fill_along_surface(target_.mesh.positions, target_.mesh.faces, texels, texture);
    report_.unfilled_texels = report_.chart_texels - count_known(texture, texels);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      if (pixels[i] != Pixel::wanted || !black(i)) continue;
      for (std::size_t c = 0; c < 3; ++c) {
        image.pixels[3 * i + c] = static_cast<std::uint8_t>(texture.colour[i][c] * 255 + 0.5f);
      }
    }
  }

  /// The mean colour where no chart is near: it is what large mipmaps blend in.
  void fill_rest(Texture& texture, const std::vector<std::int32_t>& reached) const {
    std::array<double, 3> sum{};
    std::int64_t number = 0;
    for (std::size_t i = 0; i < reached.size(); ++i) {
      if (reached[i] == 0) continue;
      for (std::size_t c = 0; c < 3; ++c) sum[c] += static_cast<double>(texture.colour[i][c]);
      ++number;
    }
    for (std::size_t i = 0; i < reached.size(); ++i) {
      if (reached[i] != 0) continue;
      for (std::size_t c = 0; c < 3; ++c) {
        texture.colour[i][c] =
            static_cast<float>(sum[c] / static_cast<double>(std::max<std::int64_t>(number, 1)));
      }
    }
  }

  const BakeTarget& target_;
  std::span<const ViewCamera> cameras_;
  std::span<const Image> pictures_;
  const BakeOptions& options_;
  RasterCache& rasters_;
  BakeReport& report_;
  std::vector<mesh::Vec3> normals_;
};

}  // namespace

Image bake_texture(const BakeTarget& target,
                   std::span<const ViewCamera> cameras,
                   std::span<const Image> pictures,
                   const BakeOptions& options,
                   RasterCache& rasters,
                   BakeReport& report) {
  SINTER_CHECK(cameras.size() == pictures.size() && !cameras.empty(),
               ErrorCode::invalid_argument,
               "[bake] views: expected one picture for each of ",
               cameras.size(),
               " cameras, got ",
               pictures.size());
  for (const Image& picture : pictures) {
    SINTER_CHECK(picture.width == options.render_size && picture.height == options.render_size &&
                     picture.channels >= 3,
                 ErrorCode::invalid_argument,
                 "[bake] picture: expected RGB, ",
                 options.render_size,
                 " pixels along each side");
  }
  return mesh::with_memory_errors("bake", [&] {
    try {
      return Baker(target, cameras, pictures, options, rasters, report).run();
    } catch (const cv::Exception& error) {
      fail(ErrorCode::internal, "[bake] OpenCV: ", error.err);
    }
  });
}

}  // namespace sinter::texture
