#include "texture/render.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/check_range.h"
#include "core/error.h"
#include "core/srgb.h"
#include "mesh/parallel.h"
#include "texture/camera.h"
#include "texture/corner_normals.h"
#include "texture/paint.h"
#include "texture/shading.h"

namespace sinter::texture {
namespace {

using mesh::Vec3;
using mesh::Vec3d;
using mesh::operator-;

/// Samples along each side of a pixel.
constexpr int kSuper = 2;
/// Share of their colour that painted surfaces have, so that white ones are not too bright where
/// the lights fall on them straight.
constexpr float kExposure = 0.8f;

void check(const mesh::TriangleMesh& mesh, const RenderOptions& options) {
  check_range<double>("render", "tile", options.tile, 16, 4096);
  check_range<double>("render", "columns", options.columns, 1, 360);
  check_range<double>("render", "turns", options.turns, 1, 360);
  check_range<double>("render", "elevation", options.elevation, -89, 89);
  check_range<double>("render", "field of view", options.field_of_view, 1, 120);
  check_range<double>("render", "crease angle", options.crease_angle, 0, 180);
  SINTER_CHECK(
      !mesh.faces.empty(), ErrorCode::invalid_argument, "[render] mesh: expected faces, got none");
  for (const mesh::Face& face : mesh.faces) {
    for (const std::uint32_t index : face) {
      SINTER_CHECK(index < mesh.positions.size(),
                   ErrorCode::invalid_argument,
                   "[render] mesh: a face refers to vertex ",
                   index,
                   "; expected less than ",
                   mesh.positions.size());
    }
  }
}

/// The weights of a triangle's corners where a ray from the eye meets its plane: ray . (b x c) and
/// so on, divided by their sum; linear in the ray before the division.
class RayWeights {
 public:
  RayWeights(const Vec3d& a, const Vec3d& b, const Vec3d& c)
      : sides_{mesh::cross(b, c), mesh::cross(c, a), mesh::cross(a, b)} {}
  std::array<double, 3> operator()(const Vec3d& ray) const {
    std::array<double, 3> weights;
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i) sum += weights[i] = mesh::dot(ray, sides_[i]);
    for (double& weight : weights) weight /= sum;
    return weights;
  }
  /// How they change at the ray with these weights, by `step` of it.
  std::array<double, 3> change(const std::array<double, 3>& weights,
                               const Vec3d& ray,
                               const Vec3d& step) const {
    std::array<double, 3> change;
    double sum = 0, moved = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      sum += mesh::dot(ray, sides_[i]);
      moved += change[i] = mesh::dot(step, sides_[i]);
    }
    for (std::size_t i = 0; i < 3; ++i) change[i] = (change[i] - weights[i] * moved) / sum;
    return change;
  }

 private:
  std::array<Vec3d, 3> sides_;
};

/// A mesh with what all its views share.
class Renderer {
 public:
  Renderer(const mesh::TriangleMesh& mesh, const RenderOptions& options)
      : mesh_(mesh),
        options_(options),
        ball_(bounding_ball(mesh)),
        normals_(corner_normals(mesh, options.crease_angle, options.threads)) {}
  Renderer(const PaintedMesh& painted, const RenderOptions& options)
      : Renderer(painted.mesh, options) {
    paint_.emplace(painted, options.threads);
    if (!paint_->has_colour()) paint_.reset();
  }

  /// Draws one view into a sheet with its top left corner at (left, top).
  void draw(double azimuth, double elevation, Image& sheet, int left, int top) const {
    const Camera camera(ball_, azimuth, elevation, options_.field_of_view);
    const SurfaceView view = surface_view(camera);
    std::vector<float> ambient(view.samples.size(), 1.0f);
    if (options_.ambient_occlusion && !options_.unlit)
      ambient = ambient_occlusion(view, options_.threads);
    mesh::parallel_blocks(
        options_.threads, options_.tile, 8, [&](std::int64_t begin, std::int64_t end) {
          for (auto y = static_cast<int>(begin); y < static_cast<int>(end); ++y) {
            for (int x = 0; x < options_.tile; ++x)
              resolve(view, ambient, x, y, sheet.at(left + x, top + y));
          }
        });
  }

 private:
  SurfaceView surface_view(const Camera& camera) const {
    std::vector<Vec3d> eye(mesh_.positions.size());
    std::vector<ClipVertex> clip(mesh_.positions.size());
    const auto vertex_count = static_cast<std::int64_t>(mesh_.positions.size());
    mesh::parallel_blocks(
        options_.threads, vertex_count, 16384, [&](std::int64_t begin, std::int64_t end) {
          for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            eye[i] = camera.to_eye(mesh_.positions[i]);
            clip[i] = camera.to_clip(eye[i]);
          }
        });
    SurfaceView view;
    view.side = options_.tile * kSuper;
    view.tangent = camera.tangent();
    view.radius = ball_.radius;
    view.up = camera.up();
    const Raster raster = rasterize(clip, mesh_.faces, view.side, view.side, options_.threads);
    view.samples.resize(raster.pixels.size());
    const auto pixel_count = static_cast<std::int64_t>(raster.pixels.size());
    mesh::parallel_blocks(
        options_.threads, pixel_count, 16384, [&](std::int64_t begin, std::int64_t end) {
          for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            if (raster.pixels[i].face >= 0)
              view.samples[i] = surface_sample(raster, i, eye, camera);
          }
        });
    return view;
  }

  SurfaceSample surface_sample(const Raster& raster,
                               std::size_t place,
                               const std::vector<Vec3d>& eye,
                               const Camera& camera) const {
    const RasterPixel& pixel = raster.pixels[place];
    const mesh::Face& face = mesh_.faces[static_cast<std::size_t>(pixel.face)];
    const auto& corner_normal = normals_[static_cast<std::size_t>(pixel.face)];
    const double weights[3] = {1.0 - pixel.u - pixel.v, pixel.u, pixel.v};
    Vec3d position{}, smooth{};
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t c = 0; c < 3; ++c) {
        position[c] += weights[i] * eye[face[i]][c];
        smooth[c] += weights[i] * static_cast<double>(corner_normal[i][c]);
      }
    }
    const Vec3d flat = mesh::cross(eye[face[1]] - eye[face[0]], eye[face[2]] - eye[face[0]]);
    SurfaceSample sample;
    sample.covered = true;
    const bool inner_side = mesh::dot(flat, position) > 0;
    sample.colour = colour(raster, place, inner_side, eye, camera);
    Vec3d normal = camera.rotate_to_eye(mesh::to_float(smooth));
    const double length = mesh::length(normal);
    const double sign = inner_side ? -1 : 1;
    for (std::size_t c = 0; c < 3; ++c) {
      sample.position[c] = static_cast<float>(position[c]);
      sample.normal[c] = length > 0 ? static_cast<float>(sign * normal[c] / length)
                         : c == 2   ? 1.0f
                                    : 0.0f;
    }
    return sample;
  }

  std::array<float, 3> colour(const Raster& raster,
                              std::size_t place,
                              bool inner_side,
                              const std::vector<Vec3d>& eye,
                              const Camera& camera) const {
    const auto f = static_cast<std::size_t>(raster.pixels[place].face);
    if (inner_side && !(paint_ && paint_->two_sided(f))) return kInnerColour;
    if (!paint_) return kOuterColour;
    const mesh::Face& face = mesh_.faces[f];
    const RayWeights weights(eye[face[0]], eye[face[1]], eye[face[2]]);
    const auto side = static_cast<std::size_t>(raster.width);
    const double step = 1.0 / raster.width;
    const Vec3d ray = camera.ray((static_cast<double>(place % side) + 0.5) * step,
                                 (static_cast<double>(place / side) + 0.5) * step);
    // The raster's own weights: they lie inside the face also where its edges are rounded.
    const RasterPixel& pixel = raster.pixels[place];
    const double u = static_cast<double>(pixel.u), v = static_cast<double>(pixel.v);
    CornerWeights corners{{1 - u - v, u, v}, {}, {}};
    const std::array<double, 3> exact = weights(ray);
    corners.right = weights.change(exact, ray, {2 * camera.tangent() * step, 0, 0});
    corners.down = weights.change(exact, ray, {0, -2 * camera.tangent() * step, 0});
    std::array<float, 3> colour = paint_->colour(f, corners);
    for (float& c : colour) c *= options_.unlit ? 1 : kExposure;
    return colour;
  }

  /// Mean of the samples of a pixel, in linear light.
  void resolve(const SurfaceView& view,
               const std::vector<float>& ambient,
               int x,
               int y,
               std::uint8_t* pixel) const {
    std::array<float, 3> sum{};
    const float down = static_cast<float>(y) / static_cast<float>(options_.tile - 1);
    for (int sub = 0; sub < kSuper * kSuper; ++sub) {
      const auto column = static_cast<std::size_t>(x * kSuper + sub % kSuper);
      const auto row = static_cast<std::size_t>(y * kSuper + sub / kSuper);
      const std::size_t i = row * static_cast<std::size_t>(view.side) + column;
      const SurfaceSample& sample = view.samples[i];
      const auto colour = !sample.covered  ? background(down)
                          : options_.unlit ? sample.colour
                                           : shade(sample, view.up, ambient[i]);
      for (std::size_t c = 0; c < 3; ++c) sum[c] += std::clamp(colour[c], 0.0f, 1.0f);
    }
    for (std::size_t c = 0; c < 3; ++c) pixel[c] = srgb_level(sum[c] / (kSuper * kSuper));
  }

  std::array<float, 3> background(float down) const {
    std::array<float, 3> colour;
    for (std::size_t c = 0; c < 3; ++c)
      colour[c] =
          static_cast<float>(linear_from_srgb(options_.background[c] / 255.0)) * (1 - 0.16f * down);
    return colour;
  }

  const mesh::TriangleMesh& mesh_;
  const RenderOptions& options_;
  Ball ball_;
  std::vector<std::array<Vec3, 3>> normals_;
  std::optional<Paint> paint_;
};

struct View {
  double azimuth, elevation;
};

std::vector<View> views_of(const RenderOptions& options) {
  std::vector<View> views;
  for (int i = 0; i < options.turns; ++i)
    views.push_back({360.0 * i / options.turns, options.elevation});
  if (options.top_and_bottom) {
    views.push_back({0, 90});
    views.push_back({0, -90});
  }
  return views;
}

template <class Surface>
Image draw_sheet(const Surface& surface, const RenderOptions& options) {
  return mesh::with_memory_errors("render", [&] {
    const std::vector<View> views = views_of(options);
    const int columns = std::min(options.columns, static_cast<int>(views.size()));
    const int rows = (static_cast<int>(views.size()) + columns - 1) / columns;
    SINTER_CHECK(
        std::int64_t{columns} * options.tile <= 32768 && std::int64_t{rows} * options.tile <= 32768,
        ErrorCode::invalid_argument,
        "[render] sheet: expected at most 32768 pixels a side, got ",
        std::int64_t{columns} * options.tile,
        " x ",
        std::int64_t{rows} * options.tile);
    const Renderer renderer(surface, options);
    Image sheet(columns * options.tile, rows * options.tile, 3);
    for (std::size_t i = 0; i < sheet.pixels.size(); ++i)
      sheet.pixels[i] = options.background[i % 3];
    for (std::size_t i = 0; i < views.size(); ++i) {
      const int column = static_cast<int>(i) % columns;
      const int row = static_cast<int>(i) / columns;
      renderer.draw(
          views[i].azimuth, views[i].elevation, sheet, column * options.tile, row * options.tile);
    }
    return sheet;
  });
}

template <class Surface>
Image draw_view(const Surface& surface,
                double azimuth,
                double elevation,
                const RenderOptions& options) {
  check_range<double>("render", "elevation", elevation, -90, 90);
  SINTER_CHECK(
      std::isfinite(azimuth), ErrorCode::invalid_argument, "[render] azimuth: expected a number");
  return mesh::with_memory_errors("render", [&] {
    const Renderer renderer(surface, options);
    Image image(options.tile, options.tile, 3);
    renderer.draw(azimuth, elevation, image, 0, 0);
    return image;
  });
}

}  // namespace

Image render_sheet(const mesh::TriangleMesh& mesh, const RenderOptions& options) {
  check(mesh, options);
  return draw_sheet(mesh, options);
}

Image render_sheet(const PaintedMesh& mesh, const RenderOptions& options) {
  check(mesh.mesh, options);
  return draw_sheet(mesh, options);
}

Image render_view(const mesh::TriangleMesh& mesh,
                  double azimuth,
                  double elevation,
                  const RenderOptions& options) {
  check(mesh, options);
  return draw_view(mesh, azimuth, elevation, options);
}

Image render_view(const PaintedMesh& mesh,
                  double azimuth,
                  double elevation,
                  const RenderOptions& options) {
  check(mesh.mesh, options);
  return draw_view(mesh, azimuth, elevation, options);
}

}  // namespace sinter::texture
