#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "sinter/mesh.h"
#include "text.h"

namespace sinter::cli {

namespace {

nlohmann::ordered_json to_json(const MeshComparison& result) {
  nlohmann::ordered_json f_scores = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < result.f_score.size(); ++i) {
    f_scores.push_back({{"distance", result.f_score_distance[i]}, {"f", result.f_score[i]}});
  }
  return {
      {"chamfer", result.chamfer},
      {"forward",
       {{"mean", result.forward_mean}, {"p99", result.forward_p99}, {"max", result.forward_max}}},
      {"backward",
       {{"mean", result.backward_mean},
        {"p99", result.backward_p99},
        {"max", result.backward_max}}},
      {"f_score", f_scores},
      {"normal_consistency", result.normal_consistency},
      {"volume_iou",
       result.volume_iou < 0 ? nlohmann::ordered_json(nullptr)
                             : nlohmann::ordered_json(result.volume_iou)},
      {"volume_ratio", result.volume_ratio},
      {"area_ratio", result.area_ratio},
      {"face_ratio", result.face_ratio},
      {"components", result.components},
      {"genus", result.genus},
      {"watertight", result.watertight}};
}

void print(const MeshComparison& result) {
  std::printf("%-22s %12s %12s %12s\n", "distance", "mean", "99 %", "largest");
  std::printf("%-22s %12s %12s %12s\n",
              "mesh to reference",
              number(result.forward_mean).c_str(),
              number(result.forward_p99).c_str(),
              number(result.forward_max).c_str());
  std::printf("%-22s %12s %12s %12s\n\n",
              "reference to mesh",
              number(result.backward_mean).c_str(),
              number(result.backward_p99).c_str(),
              number(result.backward_max).c_str());
  std::vector<std::pair<std::string, std::string>> pairs = {
      {"chamfer distance", number(result.chamfer)}};
  for (std::size_t i = 0; i < result.f_score.size(); ++i) {
    pairs.emplace_back("F-score at " + number(result.f_score_distance[i], 3),
                       number(result.f_score[i]));
  }
  const auto pair_of = [](auto a, auto b) { return grouped(a) + " and " + grouped(b); };
  const auto yes = [](bool value) { return std::string(value ? "yes" : "no"); };
  pairs.insert(pairs.end(),
               {{"normal consistency", number(result.normal_consistency)},
                {"volume IoU",
                 result.volume_iou < 0 ? "not defined: a mesh is not watertight"
                                       : number(result.volume_iou)},
                {"volume ratio", number(result.volume_ratio)},
                {"area ratio", number(result.area_ratio)},
                {"face ratio", number(result.face_ratio)},
                {"components", pair_of(result.components[0], result.components[1])},
                {"genus", pair_of(result.genus[0], result.genus[1])},
                {"watertight", yes(result.watertight[0]) + " and " + yes(result.watertight[1])}});
  print_pairs(pairs);
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
    const MeshComparison result = compare_meshes(
        read_mesh(arguments->mesh), read_mesh(arguments->reference), arguments->options);
    if (arguments->json) {
      std::printf("%s\n", to_json(result).dump(2).c_str());
    } else {
      print(result);
    }
  });
}

}  // namespace sinter::cli
