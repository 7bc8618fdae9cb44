// What the published optimisation of Hunyuan3D-2's texture pipeline on an NPU changed about its
// geometry, done here step by step, its figures beside ours.
//
// bench_texgen [size] [threads]: a mesh of 20,000 faces as there, normal and position maps of six
// views, projection of six pictures, fill. The networks, which are most of the published seconds,
// are not in ours.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numbers>

#include "core/error.h"
#include "tests/texture/bake_truth.h"
#include "texture/bake/bake.h"
#include "texture/bake/inpaint.h"
#include "texture/bake/reference_fill.h"
#include "texture/bake/vertex_fill.h"
#include "texture/maps/maps.h"
#include "texture/reference_raster.h"
#include "texture/unwrap/unwrap.h"
#include "texture/views_in_order.h"

namespace {

using namespace sinter;
using namespace sinter::texture;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A torus with waves on it, 20,000 faces.
mesh::TriangleMesh wavy_torus() {
  constexpr std::uint32_t kAlong = 200, kAcross = 50;
  mesh::TriangleMesh mesh;
  for (std::uint32_t i = 0; i < kAlong; ++i) {
    for (std::uint32_t j = 0; j < kAcross; ++j) {
      const double u = 2 * std::numbers::pi * i / kAlong, v = 2 * std::numbers::pi * j / kAcross;
      const double r = 0.3 + 0.03 * std::sin(13 * u) * std::sin(7 * v);
      mesh.positions.push_back({static_cast<float>((0.7 + r * std::cos(v)) * std::cos(u)),
                                static_cast<float>(r * std::sin(v)),
                                static_cast<float>((0.7 + r * std::cos(v)) * std::sin(u))});
      const std::uint32_t i1 = (i + 1) % kAlong, j1 = (j + 1) % kAcross;
      mesh.faces.push_back({i * kAcross + j, i * kAcross + j1, i1 * kAcross + j1});
      mesh.faces.push_back({i * kAcross + j, i1 * kAcross + j1, i1 * kAcross + j});
    }
  }
  return mesh;
}

struct Scene {
  ViewMesh mesh;
  std::vector<mesh::Vec3> normals;
  std::vector<std::array<float, 2>> uv;
  BakeOptions options;
  std::vector<Image> pictures;
};

/// Seconds of the stages of one configuration.
struct Stages {
  double raster = 0, shade = 0, bake = 0, fill = 0;
  double sum() const { return raster + shade + bake + fill; }
};

void print(const char* name, const Stages& stages, double baseline, const char* published) {
  std::printf("| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %s |\n",
              name,
              stages.raster,
              stages.shade,
              stages.bake,
              stages.fill,
              stages.sum(),
              baseline / stages.sum(),
              published);
  std::fflush(stdout);
}

/// Rasters `passes` times for each view, by our rasteriser or by the rules written down plainly.
double raster_seconds(const Scene& scene, int passes, int threads, bool plain) {
  const auto& cameras = scene.options.cameras;
  const int size = scene.options.render_size;
  return seconds_of([&] {
    views_in_order(
        cameras.size() * static_cast<std::size_t>(passes),
        threads,
        [&](std::size_t i, int each) {
          const auto clip =
              project_vertices(scene.mesh, camera_matrices(cameras[i % cameras.size()]));
          if (plain) {
            return test::ReferenceRasterizer(size, size).draw(clip, scene.mesh.faces).face.size();
          }
          return rasterize_faces(clip, scene.mesh.faces, size, size, each).face.size();
        },
        [](std::size_t, std::size_t) {});
  });
}

/// The maps from rasters that are there.
double shade_seconds(const Scene& scene, int threads) {
  RasterCache rasters(std::size_t{1} << 30);
  const int size = scene.options.render_size;
  for (const ViewCamera& camera : scene.options.cameras) {
    rasters.get(scene.mesh, camera, size, size, 2);
  }
  return seconds_of([&] {
    views_in_order(
        scene.options.cameras.size(),
        threads,
        [&](std::size_t i, int each) {
          const ViewCamera& camera = scene.options.cameras[i];
          return make_maps(scene.mesh,
                           scene.normals,
                           camera,
                           *rasters.get(scene.mesh, camera, size, size, each),
                           each)
              .covered_pixels;
        },
        [](std::size_t, std::int64_t) {});
  });
}

/// Projection and fill, rasters given.
void bake_seconds(const Scene& scene, BakeMethod method, int threads, Stages& stages) {
  BakeOptions options = scene.options;
  options.method = method;
  options.unwrap.threads = threads;
  RasterCache rasters(std::size_t{1} << 30);
  for (const ViewCamera& camera : options.cameras) {
    rasters.get(scene.mesh, camera, options.render_size, options.render_size, 2);
  }
  BakeReport report;
  bake_texture({scene.mesh, scene.uv}, options.cameras, scene.pictures, options, rasters, report);
  stages.bake = report.project_ms / 1000;
  stages.fill = report.fill_ms / 1000;
}

/// OpenCV's inpainting of all that no chart covers, as upstream asks for it.
double whole_atlas_seconds(const Scene& scene) {
  const int size = scene.options.unwrap.texture_size;
  const TexelMap texels = map_texels(scene.uv, scene.mesh.faces, size, TexelGrid::corners, 0, 2);
  Image image(size, size, 3);
  std::vector<Pixel> pixels;
  for (std::size_t i = 0; i < texels.face.size(); ++i) {
    pixels.push_back(texels.face[i] != 0 ? Pixel::known : Pixel::wanted);
    for (std::size_t c = 0; c < 3; ++c) {
      image.pixels[3 * i + c] = static_cast<std::uint8_t>((i * (c + 3)) >> 6);
    }
  }
  return seconds_of([&] { inpaint_navier_stokes(image, pixels, 1); });
}

void run(int size, int threads) {
  const mesh::TriangleMesh source = wavy_torus();
  Scene scene;
  scene.options.render_size = size;
  scene.options.unwrap.texture_size = size;
  scene.options.unwrap.threads = threads;
  const UnwrapResult unwrapped = unwrap_mesh(source, scene.options.unwrap);
  mesh::TriangleMesh split;
  for (const std::uint32_t v : unwrapped.source) split.positions.push_back(source.positions[v]);
  split.faces = unwrapped.faces;
  scene.mesh = prepare_view_mesh(split);
  scene.normals = mean_normals(scene.mesh.positions, scene.mesh.faces, threads);
  scene.uv = unwrapped.uv;
  for (const ViewCamera& camera : scene.options.cameras) {
    scene.pictures.push_back(test::picture_of(scene.mesh, camera, size));
  }
  std::printf("%zu faces, %d x %d, %d threads\n\n", source.faces.size(), size, size, threads);
  std::printf(
      "| configuration | raster, s | maps | project | fill | together | gain | published: s, gain "
      "|\n|---|---|---|---|---|---|---|---|\n");
  constexpr int kPasses = 3;  // upstream's: normals, positions, baking
  Stages stages;
  stages.raster = raster_seconds(scene, kPasses, 1, true);
  stages.shade = shade_seconds(scene, 1);
  bake_seconds(scene, BakeMethod::reference, 1, stages);
  const double charts_only = stages.fill;
  stages.fill = charts_only + whole_atlas_seconds(scene);
  const double baseline = stages.sum();
  print("18 rasters, one thread, plain loops; whole atlas inpainted",
        stages,
        baseline,
        "59.83, 1.00");
  stages.raster = raster_seconds(scene, kPasses, threads, true);
  stages.shade = shade_seconds(scene, threads);
  print("+ views side by side", stages, baseline, "35.43, 1.69");
  print("+ operators of the networks (nothing here)", stages, baseline, "30.46, 1.96");
  stages.raster = raster_seconds(scene, 1, threads, true);
  bake_seconds(scene, BakeMethod::reference, threads, stages);
  print("+ rasters kept (18 to 6), inpainting of charts alone", stages, baseline, "26.52, 2.26");
  stages.raster = raster_seconds(scene, 1, threads, false);
  print("+ sinter's rasteriser: `--method reference`", stages, baseline, "");
  bake_seconds(scene, BakeMethod::best, threads, stages);
  print("`--method best`", stages, baseline, "");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? std::atoi(argv[1]) : 2048, argc > 2 ? std::atoi(argv[2]) : 2);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return exit_code(error.code());
  }
}
