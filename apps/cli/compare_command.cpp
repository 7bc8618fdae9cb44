#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "mesh_input.h"
#include "sinter/mesh.h"
#include "text.h"

namespace sinter::cli {

namespace {

nlohmann::ordered_json to_json(const DistanceSummary& distance) {
  return {{"mean", distance.mean}, {"p99", distance.p99}, {"max", distance.max}};
}

nlohmann::ordered_json to_json(const Topology& topology) {
  return {{"components", topology.components},
          {"genus", topology.genus},
          {"euler_number", topology.euler_number},
          {"watertight", topology.watertight},
          {"faces", topology.faces},
          {"area", topology.area},
          {"volume", topology.volume}};
}

nlohmann::ordered_json to_json(const Comparison& result, const std::vector<double>& distances) {
  nlohmann::ordered_json scores = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < distances.size(); ++i) {
    scores.push_back({{"distance", distances[i]},
                      {"f", result.f_score[i]},
                      {"precision", result.precision[i]},
                      {"recall", result.recall[i]}});
  }
  using Json = nlohmann::ordered_json;
  return {{"chamfer", result.chamfer},
          {"hausdorff", result.hausdorff},
          {"forward", to_json(result.forward)},
          {"backward", to_json(result.backward)},
          {"f_score", scores},
          {"normal_consistency", result.normal_consistency},
          {"volume_iou", result.volume_iou < 0 ? Json(nullptr) : Json(result.volume_iou)},
          {"volume_ratio", result.volume_ratio},
          {"area_ratio", result.area_ratio},
          {"face_ratio", result.face_ratio},
          {"mesh", to_json(result.mesh)},
          {"reference", to_json(result.reference)}};
}

void print_row(const char* name, const std::string& a, const std::string& b, const std::string& c) {
  std::printf("%-22s %12s %12s %12s\n", name, a.c_str(), b.c_str(), c.c_str());
}

void print_row(const char* name, const DistanceSummary& distance) {
  print_row(name, number(distance.mean), number(distance.p99), number(distance.max));
}

void print(const Comparison& result, const std::vector<double>& distances) {
  print_row("distance", "mean", "99 %", "largest");
  print_row("mesh to reference", result.forward);
  print_row("reference to mesh", result.backward);
  std::printf("chamfer %s, hausdorff %s\n\n",
              number(result.chamfer).c_str(),
              number(result.hausdorff).c_str());

  print_row("within", "F-score", "precision", "recall");
  for (std::size_t i = 0; i < distances.size(); ++i) {
    print_row(number(distances[i], 3).c_str(),
              number(result.f_score[i]),
              number(result.precision[i]),
              number(result.recall[i]));
  }
  std::printf("normal consistency %s, volume IoU %s\n\n",
              number(result.normal_consistency).c_str(),
              result.volume_iou < 0 ? "not defined" : number(result.volume_iou).c_str());

  const Topology& a = result.mesh;
  const Topology& b = result.reference;
  const auto yes = [](bool value) { return value ? "yes" : "no"; };
  print_row("", "mesh", "reference", "ratio");
  print_row("volume", number(a.volume), number(b.volume), number(result.volume_ratio));
  print_row("area", number(a.area), number(b.area), number(result.area_ratio));
  print_row("faces", grouped(a.faces), grouped(b.faces), number(result.face_ratio));
  print_row("components", grouped(a.components), grouped(b.components), "");
  print_row("genus", grouped(a.genus), grouped(b.genus), "");
  print_row("watertight", yes(a.watertight), yes(b.watertight), "");
}

}  // namespace

void add_compare(CLI::App& app, int&) {
  struct Arguments {
    std::string mesh, reference;
    CompareOptions options;
    bool json = false, absolute = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "compare", "measure how far a mesh is from a reference, point to triangle");
  command->add_option("mesh", arguments->mesh, "mesh to judge")->required();
  command->add_option("reference", arguments->reference, "mesh to judge it by")->required();
  command->add_flag(
      "--absolute",
      arguments->absolute,
      "keep the files' units; otherwise both are scaled so that the reference's longest side is 2");
  command
      ->add_option("--samples", arguments->options.samples, "points on each mesh, 1000..10000000")
      ->capture_default_str();
  command->add_option("--seed", arguments->options.seed, "seed of the points")
      ->capture_default_str();
  command
      ->add_option("--iou-resolution",
                   arguments->options.iou_resolution,
                   "grid for the volume IoU, 0: off, up to 512")
      ->capture_default_str();
  command->add_option("--threads", arguments->options.threads, "CPU threads, 0 takes all")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "print JSON");
  command->callback([arguments] {
    arguments->options.normalize = !arguments->absolute;
    const Comparison result = compare_meshes(read_mesh_with_warnings(arguments->mesh),
                                             read_mesh_with_warnings(arguments->reference),
                                             arguments->options);
    if (arguments->json) {
      std::printf("%s\n", to_json(result, arguments->options.distances).dump(2).c_str());
    } else {
      print(result, arguments->options.distances);
    }
  });
}

}  // namespace sinter::cli
