#include <cstdio>

#include "commands.h"
#include "mesh_input.h"
#include "mesh_options.h"
#include "sinter/error.h"
#include "text.h"

namespace sinter::cli {

namespace {

struct ConvertArguments {
  std::string input, output;
  MeshWriteOptions write;
  std::optional<Axis> from_up, from_forward;
  std::int64_t faces = 0;
  bool quiet = false;
};

void convert(ConvertArguments& arguments) {
  check_mesh_path(arguments.output, arguments.write);
  MeshFileInfo info;
  Mesh mesh = read_mesh_with_warnings(arguments.input, &info);
  if (arguments.from_up || arguments.from_forward) {
    const Axis up = arguments.from_up.value_or(Axis::y);
    const Axis forward = arguments.from_forward.value_or(up == Axis::y ? Axis::z : Axis::minus_y);
    turn_mesh(mesh, {up, forward});
  }
  if (arguments.faces != 0 && !set_face_count(mesh, arguments.faces)) {
    const std::int64_t least = least_faces(mesh);
    std::fprintf(
        stderr,
        "sinter: warning: the mesh has %zu faces, not %lld: %s\n",
        mesh.faces.size(),
        static_cast<long long>(arguments.faces),
        least > arguments.faces
            ? ("no mesh with its handles and pieces has fewer than " + grouped(least)).c_str()
            : "its shape allows no other number near it");
  }
  arguments.write.metres_per_unit = info.metres_per_unit;
  write_mesh(arguments.output, mesh, {}, arguments.write);
  if (arguments.quiet) return;
  std::printf("%s: %s vertices, %s faces\n",
              arguments.output.c_str(),
              grouped(static_cast<std::int64_t>(mesh.positions.size())).c_str(),
              grouped(static_cast<std::int64_t>(mesh.faces.size())).c_str());
}

}  // namespace

void add_mesh_convert(CLI::App& app, int&) {
  auto arguments = std::make_shared<ConvertArguments>();
  CLI::App* command = app.add_subcommand(
      "mesh-convert", "write a mesh in another format, size, attitude or number of faces");
  command->add_option("mesh", arguments->input, ".glb, .gltf, .obj, .ply, .stl, .3mf or .usdz")
      ->required();
  command
      ->add_option(
          "-o,--output", arguments->output, "mesh to write: .glb, .obj, .ply, .stl, .3mf or .usdz")
      ->required();
  command
      ->add_option("--faces",
                   arguments->faces,
                   "bring the mesh to this many faces, 4..67108864; 0 keeps all")
      ->capture_default_str();
  add_write_options(*command, arguments->write);
  add_axis(*command,
           "--from-up",
           arguments->from_up,
           true,
           "axis that is up in the mesh read; files that say so themselves are turned to y first")
      ->default_str("y")
      ->group("File");
  add_axis(*command,
           "--from-forward",
           arguments->from_forward,
           false,
           "axis that the front faces in the mesh read")
      ->default_str("z where y is up, -y where z is up")
      ->group("File");
  command->add_flag("--quiet", arguments->quiet, "print errors and warnings only");
  command->callback([arguments] { convert(*arguments); });
}

}  // namespace sinter::cli
