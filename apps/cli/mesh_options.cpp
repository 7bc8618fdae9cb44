#include "mesh_options.h"

namespace sinter::cli {

CLI::Option* add_axis(CLI::App& command,
                      const std::string& name,
                      std::optional<Axis>& axis,
                      bool only_up,
                      const std::string& help) {
  std::map<std::string, Axis> names = {{"y", Axis::y}, {"z", Axis::z}};
  if (!only_up) {
    names.insert(
        {{"x", Axis::x}, {"-x", Axis::minus_x}, {"-y", Axis::minus_y}, {"-z", Axis::minus_z}});
  }
  return command
      .add_option_function<std::string>(
          name, [&axis, names](const std::string& text) { axis = names.at(text); }, help)
      ->check(CLI::IsMember(names))
      ->type_name("AXIS");
}

void add_write_options(CLI::App& command, MeshWriteOptions& options) {
  constexpr const char* kGroup = "File";
  command
      .add_option(
          "--format", options.format, "glb, obj, ply, stl, 3mf or usdz, whatever the name ends in")
      ->default_str("as the name ends")
      ->group(kGroup);
  command
      .add_option("--size-mm",
                  options.size_mm,
                  "longest side in millimetres; 0 keeps the numbers; metres in GLB and USDZ")
      ->capture_default_str()
      ->group(kGroup);
  add_axis(command, "--up", options.up, true, "axis that is up in the file: y or z")
      ->default_str("y, in 3MF z")
      ->group(kGroup);
  add_axis(command,
           "--forward",
           options.forward,
           false,
           "axis that the front faces: x, y, z, -x, -y or -z")
      ->default_str("z where y is up, -y where z is up")
      ->group(kGroup);
}

}  // namespace sinter::cli
