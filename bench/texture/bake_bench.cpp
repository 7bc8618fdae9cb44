// Bakes pictures of a mesh whose looks are known onto it, and looks at it from elsewhere.
//
// bench_bake MESH [texture size] [render size] [threads] [gutter]

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "core/error.h"
#include "io/image_file.h"
#include "io/mesh_file.h"
#include "tests/texture/bake_truth.h"
#include "texture/bake/bake.h"
#include "texture/unwrap/unwrap.h"

namespace {

using namespace sinter;
using namespace sinter::texture;

void run(const char* path, BakeOptions options) {
  const mesh::TriangleMesh source = io::read_mesh(path);
  const auto start = std::chrono::steady_clock::now();
  const UnwrapResult unwrapped = unwrap_mesh(source, options.unwrap);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  mesh::TriangleMesh split;
  for (const std::uint32_t v : unwrapped.source) split.positions.push_back(source.positions[v]);
  split.faces = unwrapped.faces;
  const ViewMesh view = prepare_view_mesh(split);
  std::vector<Image> pictures;
  for (const ViewCamera& camera : options.cameras) {
    pictures.push_back(test::picture_of(view, camera, options.render_size));
  }
  std::printf("%s: %zu faces, unwrapped in %.2f s\n", path, source.faces.size(), seconds);
  for (const BakeMethod method : {BakeMethod::best, BakeMethod::reference}) {
    options.method = method;
    BakeReport report;
    RasterCache rasters(0);
    const Image texture =
        bake_texture({view, unwrapped.uv}, options.cameras, pictures, options, rasters, report);
    const bool best = method == BakeMethod::best;
    io::write_png(best ? "bake_best.png" : "bake_reference.png", texture);
    const auto all = test::compare_with_truth(
        view, unwrapped.uv, texture, 512, [](std::size_t) { return true; });
    const auto seen = test::compare_with_truth(
        view, unwrapped.uv, texture, 512, [&](std::size_t i) { return report.seen[i] != 0; });
    std::printf(
        "  %-9s paint %6.0f ms, fill %6.0f ms; %.1f %% seen; PSNR of seen texels %.1f dB, of "
        "all %.1f dB; %lld unfilled\n",
        best ? "best" : "reference",
        report.project_ms,
        report.fill_ms,
        100.0 * static_cast<double>(report.seen_texels) / static_cast<double>(report.chart_texels),
        seen.decibels(),
        all.decibels(),
        static_cast<long long>(report.unfilled_texels));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr,
                 "usage: bench_bake MESH [texture size] [render size] [threads] [gutter]\n");
    return 2;
  }
  try {
    BakeOptions options;
    if (argc > 2) options.unwrap.texture_size = std::atoi(argv[2]);
    if (argc > 3) options.render_size = std::atoi(argv[3]);
    options.unwrap.threads = argc > 4 ? std::atoi(argv[4]) : 2;
    if (argc > 5) options.unwrap.gutter = std::atoi(argv[5]);
    run(argv[1], options);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return exit_code(error.code());
  }
}
