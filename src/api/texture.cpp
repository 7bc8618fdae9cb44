#include "sinter/texture.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "api/stage_progress.h"
#include "api/texture_device.h"
#include "api/threads.h"
#include "core/error.h"
#include "io/camera_file.h"
#include "io/image_file.h"
#include "io/mesh_file.h"
#include "io/pillow_resize.h"
#include "io/textured_mesh.h"
#include "sinter/version.h"
#include "texture/bake/given_uv.h"
#include "texture/clock.h"
#include "texture/input_mesh.h"
#include "texture/unwrap/unwrap.h"
#include "texture/views_in_order.h"

namespace sinter {
namespace {

namespace fs = std::filesystem;

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

BakeOptions checked(const std::vector<std::string>& pictures, const BakeOptions& options) {
  check_cameras(options.cameras);
  check_bake(pictures, options);
  BakeOptions resolved = options;
  resolved.unwrap.threads = resolve_threads(options.unwrap.threads);
  return resolved;
}

/// Refuses a mesh whose coordinates cannot be painted.
void check_given(const TexturedMesh& mesh) {
  texture::check_input_mesh("bake", mesh.mesh);
  SINTER_CHECK(!mesh.uv.empty(),
               ErrorCode::invalid_argument,
               "[bake] texture coordinates: expected some to keep, the mesh has none");
  SINTER_CHECK(mesh.faces_without_uv == 0,
               ErrorCode::invalid_argument,
               "[bake] texture coordinates: expected them for every face, ",
               mesh.faces_without_uv,
               " of ",
               mesh.mesh.faces.size(),
               " have none");
}

/// The surface with its coordinates as they are painted: by vertex, v upwards, without vertices
/// that no face uses, which would count for the bounding box.
TexturedMesh surface_of(const TexturedMesh& given) {
  TexturedMesh surface = io::attributes_by_vertex(given);
  constexpr std::uint32_t kUnused = ~0u;
  std::vector<std::uint32_t> place(surface.mesh.positions.size(), kUnused);
  for (const auto& face : surface.mesh.faces) {
    for (const std::uint32_t v : face) place[v] = 0;
  }
  std::uint32_t kept = 0;
  for (std::size_t v = 0; v < place.size(); ++v) {
    if (place[v] == kUnused) continue;
    const auto [x, y] = surface.uv[v];
    surface.uv[kept] = {x, given.v_down ? 1 - y : y};
    surface.mesh.positions[kept] = surface.mesh.positions[v];
    place[v] = kept++;
  }
  surface.uv.resize(kept);
  surface.mesh.positions.resize(kept);
  for (auto& face : surface.mesh.faces) face = {place[face[0]], place[face[1]], place[face[2]]};
  return surface;
}

/// Normals that are no numbers cannot be written.
void check_normals(TexturedMesh& mesh, std::vector<std::string>& repairs) {
  const auto bad = std::count_if(mesh.normals.begin(), mesh.normals.end(), [](const auto& n) {
    return !std::isfinite(n[0]) || !std::isfinite(n[1]) || !std::isfinite(n[2]);
  });
  if (bad == 0) return;
  repairs.push_back(cat("left out the normals, ", bad, " of which are not finite"));
  mesh.normals.clear();
  mesh.normal_faces.clear();
}

}  // namespace

struct RasterStore::Impl {
  texture::RasterCache cache;
};

RasterStore::RasterStore(std::size_t max_bytes)
    : impl_(new Impl{texture::RasterCache(max_bytes)}) {}
RasterStore::~RasterStore() = default;

RasterStore::Stats RasterStore::stats() const {
  const texture::RasterCache::Stats stats = impl_->cache.stats();
  return {stats.made, stats.reused, stats.bytes};
}

TexturedMesh read_textured_mesh(const std::string& path, MeshFileInfo* info) {
  TexturedMesh mesh;
  mesh.mesh = io::read_mesh(path, {}, info, {.attributes = &mesh});
  return mesh;
}

std::vector<ViewCamera> read_cameras(const std::string& path) {
  std::vector<ViewCamera> cameras = io::read_cameras(path);
  check_cameras(cameras);
  return cameras;
}

namespace {

struct MapJob {
  MapMaker& maker;
  const MapOptions& options;
  fs::path folder;
};

/// Makes and writes the four maps of a camera.
MapView write_view(const MapJob& job, std::size_t number, int threads) {
  MapView timing;
  const texture::ViewMaps maps =
      job.maker.make(job.options.cameras[number], job.options.size, threads, timing);
  texture::Clock clock;
  const std::pair<const char*, const Image*> files[] = {{"normal", &maps.normal},
                                                        {"position", &maps.position},
                                                        {"depth", &maps.depth},
                                                        {"mask", &maps.mask}};
  for (const auto& [kind, image] : files) {
    io::write_png(job.folder / (view_name(number) + "_" + kind + ".png"), *image);
  }
  timing.write_ms = clock.lap();
  return timing;
}

}  // namespace

MapMetrics write_maps(const std::string& folder, const Mesh& mesh, const MapOptions& options) {
  check_cameras(options.cameras);
  SINTER_CHECK(options.size >= 16 && options.size <= 8192,
               ErrorCode::invalid_argument,
               "[options] size: expected 16..8192 pixels, got ",
               options.size);
  const int threads = resolve_threads(options.threads);
  TextureDevice device(options.device, options.warn);
  const StageProgress progress(options.progress, {{"views", 1}});
  MapMetrics metrics;
  texture::Clock clock;
  const texture::ViewMesh view =
      texture::prepare_view_mesh(texture::mend_input_mesh("maps", mesh, metrics.repairs));
  texture::RasterCache none(0);
  texture::RasterCache& rasters = options.rasters ? options.rasters->impl().cache : none;
  const std::unique_ptr<MapMaker> maker = device.map_maker(view, rasters, threads);
  metrics.device = device.name();
  metrics.vertices = static_cast<std::int64_t>(view.positions.size());
  metrics.faces = static_cast<std::int64_t>(view.faces.size());
  metrics.prepare_ms = clock.lap();
  make_folder(folder);
  texture::views_in_order(
      options.cameras.size(),
      threads,
      [&](std::size_t i, int each) {
        return write_view({*maker, options, folder}, i, each);
      },
      [&](std::size_t i, const MapView& written) {
        metrics.views.push_back(written);
        progress.tell("views",
                      static_cast<double>(i + 1) / static_cast<double>(options.cameras.size()));
      });
  return metrics;
}

TexturedMesh unwrap(const Mesh& mesh, const UnwrapOptions& options, UnwrapReport* report) {
  UnwrapOptions resolved = options;
  resolved.threads = resolve_threads(options.threads);
  UnwrapReport own;
  UnwrapReport& told = report != nullptr ? *report : own;
  told = {};
  const Mesh clean = texture::mend_input_mesh("unwrap", mesh, told.repairs);
  const texture::SurfaceEdges edges = texture::count_edges(clean);
  told.components = edges.components;
  told.open_edges = edges.open;
  if (edges.cut > 0) {
    told.repairs.push_back(
        cat("cut the surface along ",
            edges.cut,
            " edges with more than two faces, or with two that face opposite ways"));
  }
  texture::UnwrapResult result = texture::unwrap_mesh(clean, resolved);
  told.stats = result.stats;
  told.times = result.times;
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

namespace {

/// What both ways to bake have in common: the views, and the painting of a surface.
struct BakeRun {
  BakeReport own;  // where nobody asks for one
  BakeReport& report;
  const BakeOptions options;
  const std::vector<std::string>& pictures;
  TextureDevice device;
  const StageProgress progress;
  std::vector<Image> views;
  int enlarged = 1;  // pixels that one pixel of the smallest picture became

  BakeRun(const std::vector<std::string>& files, const BakeOptions& given, BakeReport* told)
      : report(told != nullptr ? *told : own),
        options(checked(files, given)),
        pictures(files),
        device(options.device, options.warn),
        // What baking calls its stages, and about how much of the work they are.
        progress(options.progress,
                 {{"pictures", 0.1}, {"unwrap", 0.4}, {"paint", 0.4}, {"fill", 0.1}}) {
    report = {};
  }

  /// At the size at which they are projected.
  void read_views() {
    texture::Clock clock;
    progress.tell("pictures", 0);
    texture::views_in_order(
        pictures.size(),
        options.unwrap.threads,
        [&](std::size_t i, int) { return io::read_image(pictures[i]); },
        [&](std::size_t i, const Image& picture) {
          const int size = options.render_size, side = std::min(picture.width, picture.height);
          enlarged = std::max(enlarged, (size + side - 1) / side);
          views.push_back(io::resize_pillow(picture, size, size, io::PillowFilter::bicubic));
          progress.tell("pictures",
                        static_cast<double>(i + 1) / static_cast<double>(pictures.size()));
        });
    report.pictures_ms = clock.lap();
  }

  /// Gives `result` the texture of a mesh whose `uv` are by vertex, v upwards.
  void paint(const Mesh& mesh, const std::vector<std::array<float, 2>>& uv, TexturedMesh& result) {
    const texture::ViewMesh view = texture::prepare_view_mesh(mesh);
    texture::RasterCache none(0);
    texture::RasterCache& rasters = options.rasters ? options.rasters->impl().cache : none;
    const auto tell = [&](const char* stage, double fraction) { progress.tell(stage, fraction); };
    report.device = device.name();
    Image painted = device.bake({view, uv, enlarged, tell}, views, options, rasters, report);
    result.width = painted.width;
    result.height = painted.height;
    result.rgb = std::move(painted.pixels);
    progress.tell("fill", 1);
  }
};

}  // namespace

TexturedMesh bake(const Mesh& mesh,
                  const std::vector<std::string>& pictures,
                  const BakeOptions& options,
                  BakeReport* report) {
  BakeRun run(pictures, options, report);
  run.read_views();
  texture::Clock clock;
  UnwrapOptions unwrapping = run.options.unwrap;
  unwrapping.progress = [&](double fraction) { run.progress.tell("unwrap", fraction); };
  run.progress.tell("unwrap", 0);
  TexturedMesh result = unwrap(mesh, unwrapping, &run.report.unwrap);
  run.report.unwrap_ms = clock.lap();
  run.paint(result.mesh, result.uv, result);
  return result;
}

TexturedMesh bake(const TexturedMesh& mesh,
                  const std::vector<std::string>& pictures,
                  const BakeOptions& options,
                  BakeReport* report) {
  BakeRun run(pictures, options, report);
  check_given(mesh);
  const TexturedMesh surface = surface_of(mesh);
  texture::check_given_uv(surface.mesh, surface.uv);
  run.read_views();
  texture::Clock clock;
  BakeReport& told = run.report;
  told.unwrap =
      texture::measure_given_uv(surface.mesh, surface.uv, run.options.unwrap.texture_size);
  told.unwrap_ms = clock.lap();
  TexturedMesh result = mesh;
  check_normals(result, told.unwrap.repairs);
  run.paint(surface.mesh, surface.uv, result);
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
