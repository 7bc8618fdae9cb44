#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "mesh_input.h"
#include "sinter/mesh.h"
#include "text.h"

namespace sinter::cli {

namespace {

nlohmann::ordered_json to_json(const MeshReport& check) {
  return {{"sound", check.sound},
          {"watertight", check.watertight},
          {"vertices", check.vertices},
          {"faces", check.faces},
          {"components", check.components},
          {"genus", check.genus},
          {"euler_number", check.euler_number},
          {"boundary_edges", check.boundary_edges},
          {"non_manifold_edges", check.non_manifold_edges},
          {"non_manifold_vertices", check.non_manifold_vertices},
          {"inconsistent_edges", check.inconsistent_edges},
          {"degenerate_faces", check.degenerate_faces},
          {"duplicate_faces", check.duplicate_faces},
          {"non_finite_vertices", check.non_finite_vertices},
          {"unreferenced_vertices", check.unreferenced_vertices},
          {"self_intersections", check.self_intersections},
          {"volume", check.volume},
          {"area", check.area},
          {"min", check.min},
          {"max", check.max}};
}

std::string value_text(const nlohmann::ordered_json& value) {
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_integer()) return grouped(value.get<std::int64_t>());
  if (value.is_number()) return number(value.get<double>(), 6);
  std::string text;
  for (const auto& element : value) text += (text.empty() ? "" : ", ") + value_text(element);
  return text;
}

void print(const MeshReport& check) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const nlohmann::ordered_json json = to_json(check);
  for (const auto& [name, value] : json.items()) {
    std::string label = name;
    std::replace(label.begin(), label.end(), '_', ' ');
    pairs.emplace_back(label, value_text(value));
  }
  print_pairs(pairs);
}

}  // namespace

void add_mesh_check(CLI::App& app, int& status) {
  struct Arguments {
    std::string mesh;
    int threads = 0;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("mesh-check",
                                         "examine a mesh; exit status 1 unless it is closed, "
                                         "manifold, outward and free of self-intersections");
  command->add_option("mesh", arguments->mesh, ".glb, .gltf, .obj, .ply, .stl, .3mf or .usdz")
      ->required();
  command->add_option("--threads", arguments->threads, "CPU threads, 0 takes all")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "print JSON");
  command->callback([arguments, &status] {
    const MeshReport check =
        check_mesh(read_mesh_with_warnings(arguments->mesh), arguments->threads);
    if (arguments->json) {
      std::printf("%s\n", to_json(check).dump(2).c_str());
    } else {
      print(check);
    }
    status = check.sound ? 0 : kFindings;
  });
}

}  // namespace sinter::cli
