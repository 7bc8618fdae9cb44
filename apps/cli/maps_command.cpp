#include <nlohmann/json.hpp>

#include "commands.h"
#include "device_option.h"
#include "sinter/file.h"
#include "sinter/mesh.h"
#include "sinter/texture.h"
#include "texture_run.h"

namespace sinter::cli {

namespace {

using nlohmann::ordered_json;

struct MapsArguments {
  std::string mesh, folder, cameras, metrics;
  MapOptions options;
  bool quiet = false;
};

ordered_json to_json(const ViewCamera& camera) {
  return {{"azimuth", camera.azimuth},
          {"elevation", camera.elevation},
          {"projection", camera.perspective ? "perspective" : "orthographic"},
          {"distance", camera.distance},
          {"scale", camera.scale},
          {"field_of_view", camera.field_of_view},
          {"near", camera.near_plane},
          {"far", camera.far_plane},
          {"weight", camera.weight}};
}

/// `seconds`: of reading and of the whole run.
ordered_json to_json(const MapMetrics& metrics,
                     const MapsArguments& arguments,
                     double read,
                     double seconds) {
  double raster = 0, shade = 0, write = 0;
  for (const MapView& view : metrics.views) {
    raster += view.raster_ms / 1000;
    shade += view.shade_ms / 1000;
    write += view.write_ms / 1000;
  }
  ordered_json json = {{"mesh", arguments.mesh},
                       {"vertices", metrics.vertices},
                       {"faces", metrics.faces},
                       {"size", arguments.options.size},
                       {"threads", arguments.options.threads},
                       {"device", metrics.device},
                       {"repairs", metrics.repairs},
                       {"seconds", seconds},
                       {"stages",
                        {{"read", read},
                         {"prepare", metrics.prepare_ms / 1000},
                         {"raster", raster},
                         {"shade", shade},
                         {"write", write}}},
                       {"prepare_ms", metrics.prepare_ms},
                       {"cameras", ordered_json::array()},
                       {"views", ordered_json::array()}};
  for (const ViewCamera& camera : arguments.options.cameras) {
    json["cameras"].push_back(to_json(camera));
  }
  for (const MapView& view : metrics.views) {
    json["views"].push_back({{"covered_pixels", view.covered_pixels},
                             {"nearest", view.nearest},
                             {"farthest", view.farthest},
                             {"raster_ms", view.raster_ms},
                             {"shade_ms", view.shade_ms},
                             {"write_ms", view.write_ms}});
  }
  return json;
}

void run_maps(MapsArguments& arguments) {
  if (!arguments.metrics.empty()) check_writable(arguments.metrics);
  if (!arguments.cameras.empty()) arguments.options.cameras = read_cameras(arguments.cameras);
  TextureRun run(arguments.quiet);
  arguments.options.progress = run.progress();
  MeshFileInfo file;
  const Mesh mesh = read_mesh(arguments.mesh, &file);
  const double read = run.lap();
  MapMetrics metrics = with_mesh_of(
      arguments.mesh, [&] { return write_maps(arguments.folder, mesh, arguments.options); });
  run.warn(arguments.mesh, file, metrics.repairs);
  if (!arguments.metrics.empty()) {
    const ordered_json json = to_json(metrics, arguments, read, run.seconds());
    write_file(arguments.metrics, json.dump(2) + "\n");
  }
}

}  // namespace

void add_maps(CLI::App& app, int&) {
  auto arguments = std::make_shared<MapsArguments>();
  CLI::App* command =
      app.add_subcommand("maps", "write normal, position, depth and mask maps of a mesh");
  command->add_option("mesh", arguments->mesh, ".glb, .gltf, .obj, .ply, .stl, .3mf or .usdz")
      ->required();
  command
      ->add_option("-o,--output",
                   arguments->folder,
                   "folder for NN_normal.png, NN_position.png, NN_depth.png and NN_mask.png")
      ->required();
  command
      ->add_option("--cameras",
                   arguments->cameras,
                   "JSON list of cameras (docs/texture.md), or a file that --metrics wrote")
      ->default_str("front, right, back, left, top, bottom");
  command->add_option("--size", arguments->options.size, "pixels along each side, 16..8192")
      ->capture_default_str();
  command->add_option("--metrics", arguments->metrics, "JSON file for cameras, times and counts");
  add_device(*command, arguments->options.device, "where maps are made");
  arguments->options.warn = print_warning;
  command->add_option("--threads", arguments->options.threads, "CPU threads, 0 takes all")
      ->capture_default_str();
  command->add_flag("--quiet", arguments->quiet, "print errors and warnings only");
  command->callback([arguments] { run_maps(*arguments); });
}

}  // namespace sinter::cli
