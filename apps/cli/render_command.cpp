#include "choice_option.h"
#include "commands.h"
#include "device_option.h"
#include "mesh_input.h"
#include "sinter/mesh.h"

namespace sinter::cli {
namespace {

void run_render(const std::string& path, const std::string& output, const RenderOptions& options) {
  if (options.colours == RenderColours::plain) {
    render_mesh(output, read_mesh_with_warnings(path), options);
    return;
  }
  const PaintedMesh mesh = read_painted_mesh(path);
  for (const std::string& warning : mesh.warnings) print_warning(warning);
  render_mesh(output, mesh, options);
}

}  // namespace

void add_render(CLI::App& app, int&) {
  struct Arguments {
    std::string mesh, output;
    RenderOptions options;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("render", "draw a mesh with its textures from all sides on one sheet");
  command->add_option("mesh", arguments->mesh, ".glb, .gltf, .obj, .ply, .stl, .3mf or .usdz")
      ->required();
  command->add_option("-o,--output", arguments->output, "PNG to write")->required();
  command
      ->add_option(
          "--tile", arguments->options.tile, "pixels along each side of one view, 16..4096")
      ->capture_default_str();
  command
      ->add_option("--columns", arguments->options.columns, "views in a row of the sheet, 1..360")
      ->capture_default_str();
  command->add_option("--turns", arguments->options.turns, "views around the mesh, 1..360")
      ->capture_default_str();
  command
      ->add_option(
          "--elevation", arguments->options.elevation, "height of the eye, degrees, -89..89")
      ->capture_default_str();
  command->add_flag("!--no-top-and-bottom",
                    arguments->options.top_and_bottom,
                    "leave out the views from above and below");
  add_choice<RenderColours>(*command,
                            "--colours",
                            arguments->options.colours,
                            {{"lit", RenderColours::lit},
                             {"unlit", RenderColours::unlit},
                             {"plain", RenderColours::plain}},
                            "lit: the file's textures and colours in light and shadow; unlit: "
                            "without; plain: neutral grey");
  command->add_option("--threads", arguments->options.threads, "CPU threads, 0 takes all")
      ->capture_default_str();
  command->callback(
      [arguments] { run_render(arguments->mesh, arguments->output, arguments->options); });
}

}  // namespace sinter::cli
