#include "texture/bake/bake.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "mesh/parallel.h"
#include "texture/bake/gather.h"
#include "texture/bake/reference_fill.h"
#include "texture/bake/scatter.h"
#include "texture/bake/surface_fill.h"
#include "texture/bake/texel_map.h"
#include "texture/bake/thin_faces.h"
#include "texture/clock.h"
#include "texture/views_in_order.h"

namespace sinter::texture {
namespace {

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

  Image run() {
    target_.tell("paint", 0, cameras_.size());
    return options_.method == BakeMethod::reference ? by_reference() : best();
  }

 private:
  ViewGeometry geometry(std::size_t view, int radius, int threads) {
    return view_geometry(
        target_.mesh,
        normals_,
        cameras_[view],
        rasters_.get(
            target_.mesh, cameras_[view], options_.render_size, options_.render_size, threads),
        radius,
        threads);
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
    Clock clock;
    TexelMap texels = texel_map(TexelGrid::centres, kBlendedTexels);
    TexelGather gather(target_.mesh, normals_, texels);
    const int radius = outline_radius(target_, options_);
    views_in_order(
        cameras_.size(),
        threads(),
        [&](std::size_t v, int each) { return geometry(v, radius, each); },
        [&](std::size_t v, const ViewGeometry& view) {
          gather.add(cameras_[v], view, pictures_[v], threads());
          target_.tell("paint", v + 1, cameras_.size());
        });
    Texture texture = gather.finish();
    count(texture, texels);
    report_.project_ms = clock.lap();
    target_.tell("fill", 0, 1);
    reach_thin_faces(target_.mesh.faces, texels);
    report_.filled_texels =
        fill_along_surface(target_.mesh.positions, target_.mesh.faces, texels, texture, threads());
    std::vector<std::int32_t> reached = texels.face;
    grow(reached, size(), kGutter - kBlendedTexels, [&](std::size_t to, std::size_t from) {
      texture.colour[to] = texture.colour[from];
    });
    fill_rest(texture, reached);
    report_.unfilled_texels = report_.chart_texels - count_known(texture, texels);
    report_.fill_ms = clock.lap();
    return to_image(texture, false, threads());
  }

  Image by_reference() {
    Clock clock;
    const int radius = outline_radius(target_, options_);
    ViewMerge merge(size());
    views_in_order(
        cameras_.size(),
        threads(),
        [&](std::size_t v, int each) {
          const ViewGeometry view = geometry(v, radius, each);
          return scatter_view(target_.mesh, target_.uv, view, pictures_[v], size());
        },
        [&](std::size_t v, const ScatteredView& view) {
          if (!merge.add(view, cameras_[v].weight, threads())) {
            report_.skipped_views.push_back(static_cast<int>(v));
          }
          target_.tell("paint", v + 1, cameras_.size());
        });
    Texture texture = merge.finish();
    const TexelMap texels = texel_map(TexelGrid::corners, 0);
    count(texture, texels);
    report_.project_ms = clock.lap();
    target_.tell("fill", 0, 1);
    Image image = fill_by_reference(target_, texels, std::move(texture), threads(), report_);
    report_.fill_ms = clock.lap();
    return image;
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

int outline_radius(const BakeTarget& target, const BakeOptions& options) {
  // 2 of 512 pixels
  if (options.method == BakeMethod::reference) return options.render_size / 256;
  return std::max(options.render_size / 1024, target.enlarged > 1 ? 2 * target.enlarged : 1);
}

void check_pictures(std::span<const ViewCamera> cameras,
                    std::span<const Image> pictures,
                    const BakeOptions& options) {
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
                 " pixels along each side, got ",
                 picture.width,
                 " x ",
                 picture.height,
                 " with ",
                 picture.channels,
                 " channels");
  }
}

Image bake_texture(const BakeTarget& target,
                   std::span<const ViewCamera> cameras,
                   std::span<const Image> pictures,
                   const BakeOptions& options,
                   RasterCache& rasters,
                   BakeReport& report) {
  check_pictures(cameras, pictures, options);
  return mesh::with_memory_errors("bake", [&] {
    try {
      return Baker(target, cameras, pictures, options, rasters, report).run();
    } catch (const cv::Exception& error) {
      fail(ErrorCode::internal, "[bake] OpenCV: ", error.err);
    }
  });
}

}  // namespace sinter::texture
