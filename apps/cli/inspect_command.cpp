#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "model_options.h"
#include "sinter/inspect.h"
#include "text.h"

namespace sinter::cli {

namespace {

void print(const ModelInfo& info) {
  std::vector<std::pair<std::string, std::string>> pairs = {
      {"weights", info.path},
      {"family", info.family},
      {"variant", info.variant},
      {"tensors", grouped(info.tensors)},
      {"parameters", grouped(info.parameters)},
      {"size", bytes_text(info.bytes)}};
  pairs.insert(pairs.end(), info.sizes.begin(), info.sizes.end());
  print_pairs(pairs);
  std::printf("\n%-14s %9s %16s %10s  %s\n", "component", "tensors", "parameters", "size", "types");
  for (const ComponentInfo& component : info.components) {
    std::printf("%-14s %9s %16s %10s  %s\n",
                component.name.c_str(),
                grouped(component.tensors).c_str(),
                grouped(component.parameters).c_str(),
                bytes_text(component.bytes).c_str(),
                component.dtypes.c_str());
  }
  for (const std::string& note : info.notes) std::printf("note: %s\n", note.c_str());
  for (const std::string& missing : info.missing) std::printf("missing: %s\n", missing.c_str());
}

void print_json(const ModelInfo& info) {
  nlohmann::ordered_json components = nlohmann::ordered_json::array();
  for (const ComponentInfo& component : info.components) {
    components.push_back({{"name", component.name},
                          {"tensors", component.tensors},
                          {"parameters", component.parameters},
                          {"bytes", component.bytes},
                          {"dtypes", component.dtypes}});
  }
  nlohmann::ordered_json sizes = nlohmann::ordered_json::object();
  for (const auto& [name, value] : info.sizes) sizes[name] = value;
  const nlohmann::ordered_json json = {{"path", info.path},
                                       {"family", info.family},
                                       {"variant", info.variant},
                                       {"tensors", info.tensors},
                                       {"parameters", info.parameters},
                                       {"bytes", info.bytes},
                                       {"sizes", sizes},
                                       {"components", components},
                                       {"notes", info.notes},
                                       {"missing", info.missing}};
  std::printf("%s\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

}  // namespace

void add_inspect(CLI::App& app, int& status) {
  struct Arguments {
    std::string model, variant = "auto", config;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("inspect", "say what a checkpoint holds and what it lacks");
  command->add_option("model", arguments->model, kModelHelp)->required();
  add_model_options(*command, arguments->variant, arguments->config);
  command->add_flag("--json", arguments->json, "print JSON");
  command->callback([arguments, &status] {
    const ModelInfo info = inspect_model(arguments->model, arguments->variant, arguments->config);
    arguments->json ? print_json(info) : print(info);
    status = info.missing.empty() ? 0 : kFindings;
  });
}

}  // namespace sinter::cli
