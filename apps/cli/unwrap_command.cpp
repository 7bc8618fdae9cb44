#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "sinter/file.h"
#include "sinter/mesh.h"
#include "sinter/texture.h"
#include "text.h"
#include "texture_run.h"

namespace sinter::cli {

namespace {

struct UnwrapArguments {
  std::string mesh, output, metrics;
  UnwrapOptions options;
  bool quiet = false;
};

nlohmann::ordered_json to_json(const UnwrapReport& report,
                               double read,
                               double write,
                               double seconds) {
  const UnwrapStats& stats = report.stats;
  return {{"charts", stats.charts},
          {"atlas_use", stats.atlas_use},
          {"stretch_l2", stats.stretch_l2},
          {"stretch_linf", stats.stretch_linf},
          {"flipped_faces", stats.flipped_faces},
          {"seam_length", stats.seam_length},
          {"texels_per_unit", stats.texels_per_unit},
          {"collapsed_faces", stats.collapsed_faces},
          {"components", report.components},
          {"open_edges", report.open_edges},
          {"repairs", report.repairs},
          {"stages",
           {{"read", read},
            {"surface", report.times.surface_ms / 1000},
            {"charts", report.times.charts_ms / 1000},
            {"join", report.times.join_ms / 1000},
            {"pack", report.times.pack_ms / 1000},
            {"write", write}}},
          {"seconds", seconds}};
}

void run_unwrap(UnwrapArguments& arguments) {
  check_textured_mesh_path(arguments.output);
  if (!arguments.metrics.empty()) check_writable(arguments.metrics);
  TextureRun run(arguments.quiet);
  arguments.options.progress = [&](double fraction) { run.tell("unwrap", fraction); };
  MeshFileInfo file;
  const Mesh mesh = read_mesh(arguments.mesh, &file);
  const double read = run.lap();
  UnwrapReport report;
  const TexturedMesh unwrapped =
      with_mesh_of(arguments.mesh, [&] { return unwrap(mesh, arguments.options, &report); });
  const double seconds = run.lap();
  run.warn(arguments.mesh, file, report.repairs);
  write_textured_mesh(arguments.output, unwrapped);
  const double write = run.lap();
  if (!arguments.metrics.empty()) {
    write_file(arguments.metrics, to_json(report, read, write, run.seconds()).dump(2) + "\n");
  }
  if (arguments.quiet) return;
  std::printf("%s: %s charts, %s of the atlas, stretch %s, %s\n",
              arguments.output.c_str(),
              grouped(report.stats.charts).c_str(),
              (number(100 * report.stats.atlas_use, 3) + " %").c_str(),
              number(report.stats.stretch_l2, 5).c_str(),
              seconds_text(seconds).c_str());
}

}  // namespace

void add_unwrap(CLI::App& app, int&) {
  auto arguments = std::make_shared<UnwrapArguments>();
  UnwrapOptions& options = arguments->options;
  CLI::App* command =
      app.add_subcommand("unwrap", "cut a mesh into charts and give it texture coordinates");
  command->add_option("mesh", arguments->mesh, ".glb, .gltf, .obj, .ply, .stl, .3mf or .usdz")
      ->required();
  command->add_option("-o,--output", arguments->output, "mesh to write: .glb or .obj")->required();
  command
      ->add_option(
          "--texture-size", options.texture_size, "side of the square atlas in texels, 32..16384")
      ->capture_default_str();
  command->add_option("--gutter", options.gutter, "empty texels between two charts, 0..64")
      ->capture_default_str();
  command
      ->add_option("--max-stretch",
                   options.max_stretch,
                   "charts are joined while their mean stretch stays below this; at least 1")
      ->capture_default_str();
  command
      ->add_option("--max-charts",
                   options.max_charts,
                   "join charts with more stretch until at most this many are left; 0: no limit")
      ->capture_default_str();
  command->add_option("--metrics", arguments->metrics, "JSON file for stretch, use and times");
  command->add_option("--threads", options.threads, "CPU threads, 0 takes all")
      ->capture_default_str();
  command->add_flag("--quiet", arguments->quiet, "print errors and warnings only");
  command->callback([arguments] { run_unwrap(*arguments); });
}

}  // namespace sinter::cli
