#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "device_option.h"
#include "sinter/error.h"
#include "sinter/file.h"
#include "sinter/mesh.h"
#include "sinter/texture.h"
#include "text.h"
#include "texture_run.h"

namespace sinter::cli {

namespace {

namespace fs = std::filesystem;

struct BakeArguments {
  std::string mesh, views, output, cameras, metrics, method = "best";
  BakeOptions options;
  bool keep_uv = false;
  bool quiet = false;
};

/// The picture of a camera: 00.png, 01.jpg, ...
std::string find_view(const fs::path& folder, std::size_t number) {
  const std::string digits = std::to_string(number);
  const std::string stem = digits.size() < 2 ? "0" + digits : digits;
  for (const char* extension : {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}) {
    const fs::path path = folder / (stem + extension);
    std::error_code error;
    if (fs::exists(path, error)) return path.string();
  }
  throw Error(ErrorCode::not_found,
              "[views] " + folder.string() + ": expected a picture " + stem +
                  ".png (.jpg, .jpeg, .webp, .bmp, .tif, .tiff) for each camera");
}

nlohmann::ordered_json to_json(const BakeReport& report,
                               double read,
                               double write,
                               double seconds) {
  return {{"charts", report.unwrap.stats.charts},
          {"atlas_use", report.unwrap.stats.atlas_use},
          {"stretch_l2", report.unwrap.stats.stretch_l2},
          {"components", report.unwrap.components},
          {"open_edges", report.unwrap.open_edges},
          {"repairs", report.unwrap.repairs},
          {"skipped_views", report.skipped_views},
          {"chart_texels", report.chart_texels},
          {"seen_texels", report.seen_texels},
          {"filled_texels", report.filled_texels},
          {"unfilled_texels", report.unfilled_texels},
          {"device", report.device},
          {"stages",
           {{"read", read},
            {"pictures", report.pictures_ms / 1000},
            {"unwrap", report.unwrap_ms / 1000},
            {"paint", report.project_ms / 1000},
            {"fill", report.fill_ms / 1000},
            {"write", write}}},
          {"seconds", seconds}};
}

void run_bake(BakeArguments& arguments) {
  check_textured_mesh_path(arguments.output);
  if (!arguments.metrics.empty()) check_writable(arguments.metrics);
  if (!arguments.cameras.empty()) arguments.options.cameras = read_cameras(arguments.cameras);
  arguments.options.method =
      arguments.method == "reference" ? BakeMethod::reference : BakeMethod::best;
  std::vector<std::string> pictures;
  for (std::size_t i = 0; i < arguments.options.cameras.size(); ++i) {
    pictures.push_back(find_view(arguments.views, i));
  }
  TextureRun run(arguments.quiet);
  arguments.options.progress = run.progress();
  MeshFileInfo file;
  TexturedMesh mesh;
  if (arguments.keep_uv) {
    mesh = read_textured_mesh(arguments.mesh, &file);
  } else {
    mesh.mesh = read_mesh(arguments.mesh, &file);
  }
  const double read = run.lap();
  BakeReport report;
  const TexturedMesh baked = with_mesh_of(arguments.mesh, [&] {
    return arguments.keep_uv ? bake(mesh, pictures, arguments.options, &report)
                             : bake(mesh.mesh, pictures, arguments.options, &report);
  });
  run.lap();
  run.warn(arguments.mesh, file, report.unwrap.repairs);
  write_textured_mesh(arguments.output, baked);
  const double write = run.lap();
  if (!arguments.metrics.empty()) {
    write_file(arguments.metrics, to_json(report, read, write, run.seconds()).dump(2) + "\n");
  }
  if (arguments.quiet) return;
  const auto part = static_cast<double>(report.seen_texels) /
                    static_cast<double>(std::max<std::int64_t>(report.chart_texels, 1));
  std::printf("%s: %s charts, %s %% of their texels seen; unwrap %s, paint %s, fill %s\n",
              arguments.output.c_str(),
              grouped(report.unwrap.stats.charts).c_str(),
              number(100 * part, 3).c_str(),
              seconds_text(report.unwrap_ms / 1000).c_str(),
              seconds_text(report.project_ms / 1000).c_str(),
              seconds_text(report.fill_ms / 1000).c_str());
}

}  // namespace

void add_bake(CLI::App& app, int&) {
  auto arguments = std::make_shared<BakeArguments>();
  BakeOptions& options = arguments->options;
  CLI::App* command = app.add_subcommand("bake", "unwrap a mesh and paint it from pictures of it");
  command->add_option("mesh", arguments->mesh, ".glb, .gltf, .obj, .ply, .stl, .3mf or .usdz")
      ->required();
  command
      ->add_option("--views",
                   arguments->views,
                   "folder with a picture for each camera: 00.png, 01.png, ... (or .jpg, .webp, "
                   ".bmp, .tif)")
      ->required();
  command->add_option("-o,--output", arguments->output, "mesh to write: .glb or .obj")->required();
  command->add_option("--cameras", arguments->cameras, "JSON list of cameras (docs/texture.md)")
      ->default_str("front, right, back, left, top, bottom");
  command
      ->add_option("--method",
                   arguments->method,
                   "best, or reference: the formulas of Hunyuan3D-2's pipeline")
      ->check(CLI::IsMember({"best", "reference"}))
      ->capture_default_str();
  command
      ->add_option("--texture-size",
                   options.unwrap.texture_size,
                   "side of the square texture in texels, 64..8192")
      ->capture_default_str();
  command
      ->add_option("--render-size",
                   options.render_size,
                   "side at which views are projected, 64..8192; other pictures are resized")
      ->capture_default_str();
  CLI::Option* const keep =
      command->add_flag("--keep-uv",
                        arguments->keep_uv,
                        "paint for the texture coordinates of a GLB, glTF or OBJ, and leave "
                        "vertices, faces and coordinates as they are");
  command->add_option("--gutter", options.unwrap.gutter, "empty texels between two charts, 0..64")
      ->capture_default_str()
      ->excludes(keep);
  command->add_option("--metrics", arguments->metrics, "JSON file for counts and times");
  add_device(*command, options.device, "where the texture is painted");
  options.warn = print_warning;
  command->add_option("--threads", options.unwrap.threads, "CPU threads, 0 takes all")
      ->capture_default_str();
  command->add_flag("--quiet", arguments->quiet, "print errors and warnings only");
  command->callback([arguments] { run_bake(*arguments); });
}

}  // namespace sinter::cli
