// Times the six default views' rasters and their normal, position, depth and mask maps.
//
// bench_texture [size] [threads] [rounds] [--mesh FILE] [--device cuda]: medians over views and
// rounds, milliseconds. Without a file, of meshes made here.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <numbers>
#include <vector>

#ifdef SINTER_WITH_CUDA
#include "bench/texture/device_maps.h"
#endif
#include "core/error.h"
#include "io/mesh_file.h"
#include "texture/maps/maps.h"

namespace {

using namespace sinter;
using namespace sinter::texture;

/// Processor time of all threads: on a machine with other work the steadier figure.
double processor_ms() {
  return 1e3 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

/// A torus with waves on it, `across` x `along` quads: hidden layers, silhouettes, folds.
mesh::TriangleMesh wavy_torus(std::uint32_t along, std::uint32_t across) {
  mesh::TriangleMesh mesh;
  for (std::uint32_t i = 0; i < along; ++i) {
    for (std::uint32_t j = 0; j < across; ++j) {
      const double u = 2 * std::numbers::pi * i / along, v = 2 * std::numbers::pi * j / across;
      const double r = 0.3 + 0.03 * std::sin(13 * u) * std::sin(7 * v);
      mesh.positions.push_back({static_cast<float>((0.7 + r * std::cos(v)) * std::cos(u)),
                                static_cast<float>(r * std::sin(v)),
                                static_cast<float>((0.7 + r * std::cos(v)) * std::sin(u))});
      const std::uint32_t i1 = (i + 1) % along, j1 = (j + 1) % across;
      mesh.faces.push_back({i * across + j, i * across + j1, i1 * across + j1});
      mesh.faces.push_back({i * across + j, i1 * across + j1, i1 * across + j});
    }
  }
  return mesh;
}

class Figure {
 public:
  void add(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    const double processor = processor_ms();
    work();
    processor_.push_back(processor_ms() - processor);
    wall_.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
  }
  double wall() const { return median(wall_); }
  double processor() const { return median(processor_); }

 private:
  static double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  }
  std::vector<double> wall_, processor_;
};

void run(const mesh::TriangleMesh& source, int size, int threads, int rounds) {
  ViewMesh mesh;
  std::vector<mesh::Vec3> normals;
  Figure prepare, raster, shade, reuse;
  for (int round = 0; round < rounds; ++round) {
    prepare.add([&] {
      mesh = prepare_view_mesh(source);
      normals = mean_normals(mesh.positions, mesh.faces, threads);
    });
    RasterCache cache(std::size_t{1} << 30);
    for (const ViewCamera& camera : default_cameras()) {
      std::shared_ptr<const FaceRaster> seen;
      raster.add([&] { seen = cache.get(mesh, camera, size, size, threads); });
      shade.add([&] { make_maps(mesh, normals, camera, *seen, threads); });
      reuse.add([&] { cache.get(mesh, camera, size, size, threads); });
    }
  }
  std::printf(
      "%8zu faces %5d px %2d threads: mesh %5.1f | a view: raster %5.1f, four maps %5.1f, "
      "together %5.1f (processor %5.1f); raster kept %.3f\n",
      mesh.faces.size(),
      size,
      threads,
      prepare.wall(),
      raster.wall(),
      shade.wall(),
      raster.wall() + shade.wall(),
      raster.processor() + shade.processor(),
      reuse.wall());
}

}  // namespace

int main(int argc, char** argv) {
  int numbers[3] = {2048, 2, 3};  // size, threads, rounds
  bool on_device = false;
  const char* file = nullptr;
  for (int i = 1, given = 0; i < argc; ++i) {
    if (std::strcmp(argv[i], "--device") == 0 && i + 1 < argc) {
      on_device = std::strcmp(argv[++i], "cuda") == 0;
    } else if (std::strcmp(argv[i], "--mesh") == 0 && i + 1 < argc) {
      file = argv[++i];
    } else if (given < 3) {
      numbers[given++] = std::atoi(argv[i]);
    }
  }
  const auto [size, threads, rounds] = numbers;
  try {
    std::vector<mesh::TriangleMesh> meshes;
    if (file != nullptr) {
      meshes.push_back(io::read_mesh(file));
    } else {
      for (const auto& [along, across] : {std::pair{200u, 50u}, {500u, 200u}, {1000u, 500u}}) {
        meshes.push_back(wavy_torus(along, across));
      }
    }
    for (const mesh::TriangleMesh& mesh : meshes) {
      if (on_device) {
#ifdef SINTER_WITH_CUDA
        bench::time_device_maps(mesh, size, threads, rounds);
#else
        fail(ErrorCode::unsupported, "[bench] --device cuda: this build has no CUDA back end");
#endif
      } else {
        run(mesh, size, threads, rounds);
      }
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return exit_code(error.code());
  }
}
