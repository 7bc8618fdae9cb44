#include "sinter/texture.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "api/threads.h"
#include "core/error.h"
#include "io/camera_file.h"
#include "io/image_file.h"
#include "io/pillow_resize.h"
#include "io/textured_mesh.h"
#include "mesh/cleanup.h"
#include "sinter/version.h"
#include "texture/bake/bake.h"
#include "texture/maps/maps.h"
#include "texture/unwrap/unwrap.h"

namespace sinter {
namespace {

namespace fs = std::filesystem;

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

void check_cameras(const std::vector<ViewCamera>& cameras) {
  SINTER_CHECK(!cameras.empty() && cameras.size() <= 256,
               ErrorCode::invalid_argument,
               "[options] cameras: expected 1..256, got ",
               cameras.size());
  for (std::size_t i = 0; i < cameras.size(); ++i) texture::check_camera(cameras[i], i);
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  SINTER_CHECK(fs::is_directory(folder, error),
               ErrorCode::io,
               "[output] ",
               io::printable(folder),
               ": cannot be made, or is no folder");
}

/// A view's place in the list as file names have it: 00, 01, ...
std::string view_name(std::size_t number) {
  const std::string digits = std::to_string(number);
  return digits.size() < 2 ? "0" + digits : digits;
}

/// Leaves out what cannot be drawn, and says so.
Mesh drawable(const Mesh& mesh, std::vector<std::string>& repairs) {
  Mesh result = mesh;
  const mesh::CleanupCounts counts = mesh::remove_degenerate(result);
  if (counts.non_finite_vertices > 0) {
    repairs.push_back(cat("left out ",
                          counts.non_finite_vertices,
                          " vertices that are not finite, with their faces"));
  }
  return result;
}

void append_warnings(const texture::UnwrapResult& result, std::vector<std::string>& repairs) {
  if (result.stats.collapsed_faces == 0) return;
  repairs.push_back(
      cat("gave ", result.stats.collapsed_faces, " faces without area a point of the atlas each"));
}

void check_bake(const std::vector<std::string>& pictures, const BakeOptions& options) {
  SINTER_CHECK(pictures.size() == options.cameras.size(),
               ErrorCode::invalid_argument,
               "[bake] pictures: expected one for each of ",
               options.cameras.size(),
               " cameras, got ",
               pictures.size());
  SINTER_CHECK(options.render_size >= 64 && options.render_size <= 8192,
               ErrorCode::invalid_argument,
               "[bake] render size: expected 64..8192 pixels, got ",
               options.render_size);
  SINTER_CHECK(options.unwrap.texture_size >= 64 && options.unwrap.texture_size <= 8192,
               ErrorCode::invalid_argument,
               "[bake] texture size: expected 64..8192 texels, got ",
               options.unwrap.texture_size);
}

}  // namespace

std::vector<ViewCamera> read_cameras(const std::string& path) {
  std::vector<ViewCamera> cameras = io::read_cameras(path);
  check_cameras(cameras);
  return cameras;
}

MapMetrics write_maps(const std::string& folder, const Mesh& mesh, const MapOptions& options) {
  check_cameras(options.cameras);
  SINTER_CHECK(options.size >= 16 && options.size <= 8192,
               ErrorCode::invalid_argument,
               "[options] size: expected 16..8192 pixels, got ",
               options.size);
  const int threads = resolve_threads(options.threads);
  MapMetrics metrics;
  auto start = std::chrono::steady_clock::now();
  const texture::ViewMesh view = texture::prepare_view_mesh(drawable(mesh, metrics.repairs));
  const auto normals = texture::mean_normals(view.positions, view.faces, threads);
  metrics.vertices = static_cast<std::int64_t>(view.positions.size());
  metrics.faces = static_cast<std::int64_t>(view.faces.size());
  metrics.prepare_ms = milliseconds_since(start);
  make_folder(folder);
  // One raster at a time: no camera of a list is asked for twice.
  texture::RasterCache rasters(0);
  for (std::size_t i = 0; i < options.cameras.size(); ++i) {
    MapView& timing = metrics.views.emplace_back();
    start = std::chrono::steady_clock::now();
    const auto raster = rasters.get(view, options.cameras[i], options.size, options.size, threads);
    timing.raster_ms = milliseconds_since(start);
    start = std::chrono::steady_clock::now();
    const texture::ViewMaps maps =
        texture::make_maps(view, normals, options.cameras[i], *raster, threads);
    timing.shade_ms = milliseconds_since(start);
    timing.covered_pixels = maps.covered_pixels;
    timing.nearest = maps.nearest;
    timing.farthest = maps.farthest;
    start = std::chrono::steady_clock::now();
    const std::pair<const char*, const Image*> files[] = {{"normal", &maps.normal},
                                                          {"position", &maps.position},
                                                          {"depth", &maps.depth},
                                                          {"mask", &maps.mask}};
    for (const auto& [kind, image] : files) {
      io::write_png(fs::path(folder) / (view_name(i) + "_" + kind + ".png"), *image);
    }
    timing.write_ms = milliseconds_since(start);
  }
  return metrics;
}

TexturedMesh unwrap(const Mesh& mesh, const UnwrapOptions& options, UnwrapReport* report) {
  UnwrapOptions resolved = options;
  resolved.threads = resolve_threads(options.threads);
  UnwrapReport own;
  UnwrapReport& told = report != nullptr ? *report : own;
  told = {};
  const Mesh clean = drawable(mesh, told.repairs);
  texture::UnwrapResult result = texture::unwrap_mesh(clean, resolved);
  told.stats = result.stats;
  append_warnings(result, told.repairs);
  TexturedMesh unwrapped;
  unwrapped.mesh.positions.reserve(result.source.size());
  for (const std::uint32_t v : result.source) {
    unwrapped.mesh.positions.push_back(clean.positions[v]);
  }
  unwrapped.mesh.faces = std::move(result.faces);
  unwrapped.uv = std::move(result.uv);
  return unwrapped;
}

TexturedMesh bake(const Mesh& mesh,
                  const std::vector<std::string>& pictures,
                  const BakeOptions& options,
                  BakeReport* report) {
  check_cameras(options.cameras);
  check_bake(pictures, options);
  BakeOptions resolved = options;
  resolved.unwrap.threads = resolve_threads(options.unwrap.threads);
  BakeReport own;
  BakeReport& told = report != nullptr ? *report : own;
  told = {};
  std::vector<Image> views;
  int enlarged = 1;
  for (const std::string& path : pictures) {
    const Image picture = io::read_image(path);
    const int side = std::min(picture.width, picture.height);
    enlarged = std::max(enlarged, (options.render_size + side - 1) / side);
    views.push_back(io::resize_pillow(
        picture, options.render_size, options.render_size, io::PillowFilter::bicubic));
  }
  const auto start = std::chrono::steady_clock::now();
  TexturedMesh result = unwrap(mesh, resolved.unwrap, &told.unwrap);
  told.unwrap_ms = milliseconds_since(start);
  const texture::ViewMesh view = texture::prepare_view_mesh(result.mesh);
  texture::RasterCache rasters(0);
  Image painted = texture::bake_texture(
      {view, result.uv, enlarged}, resolved.cameras, views, resolved, rasters, told);
  result.width = painted.width;
  result.height = painted.height;
  result.rgb = std::move(painted.pixels);
  return result;
}

void write_textured_mesh(const std::string& path,
                         const TexturedMesh& mesh,
                         const Provenance& provenance) {
  io::write_textured_mesh(
      path,
      mesh,
      {.version = SINTER_VERSION, .box = provenance.box, .provenance = provenance.entries});
}

void check_textured_mesh_path(const std::string& path) {
  io::textured_mesh_format(path);
  io::check_writable(path);
}

}  // namespace sinter
