#include "commands.h"
#include "sinter/mesh.h"

namespace sinter::cli {

void add_render(CLI::App& app, int&) {
  struct Arguments {
    std::string mesh, output;
    RenderOptions options;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("render", "draw a mesh from all sides on one sheet");
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
  command->add_option("--threads", arguments->options.threads, "CPU threads, 0 takes all")
      ->capture_default_str();
  command->callback([arguments] {
    render_mesh(arguments->output, read_mesh(arguments->mesh), arguments->options);
  });
}

}  // namespace sinter::cli
