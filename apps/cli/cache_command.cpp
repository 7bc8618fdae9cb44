#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "sinter/cache.h"
#include "text.h"

namespace sinter::cli {

namespace {

/// One letter a step, ten in a group, fifty in a line.
void print_kinds(const CachePlan& plan) {
  for (std::size_t step = 0; step < plan.kinds.size(); ++step) {
    constexpr std::size_t kGroup = 10, kLine = 50;
    if (step % kLine == 0) {
      std::printf("%s%4zu ", step == 0 ? "" : "\n", step);
    } else if (step % kGroup == 0) {
      std::printf(" ");
    }
    const std::string& kind = plan.kinds[step];
    std::printf("%c", kind == "computed" ? 'C' : kind == "predicted" ? '.' : kind[0]);
  }
  std::printf("\n");
}

void print(const CachePlan& plan) {
  print_pairs({{"method", plan.method},
               {"steps", std::to_string(plan.kinds.size())},
               {"computed", std::to_string(plan.computed) + " (C)"},
               {"predicted", std::to_string(plan.predicted) + " (.)"},
               {"elided", std::to_string(plan.elided) + " (e)"},
               {"decided", std::to_string(plan.decided) + " while the run goes on (d)"}});
  print_kinds(plan);
  for (const std::string& warning : plan.warnings) std::printf("warning: %s\n", warning.c_str());
}

void print_json(const CachePlan& plan) {
  const nlohmann::ordered_json json = {{"method", plan.method},
                                       {"steps", plan.kinds.size()},
                                       {"computed", plan.computed},
                                       {"predicted", plan.predicted},
                                       {"elided", plan.elided},
                                       {"decided", plan.decided},
                                       {"kinds", plan.kinds},
                                       {"warnings", plan.warnings}};
  std::printf("%s\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

}  // namespace

void add_cache_plan(CLI::App& app, int&) {
  struct Arguments {
    std::string cache;
    int steps = 50;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "cache-plan",
      "say which steps of a run a cache configuration computes and which it does not");
  command
      ->add_option(
          "cache", arguments->cache, "cache_config.json, or a preset: off, safe, fast, max")
      ->required();
  command->add_option("--steps", arguments->steps, "steps of the sampler, 1..1000")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "print JSON");
  command->callback([arguments] {
    const CachePlan plan = plan_cache(arguments->cache, arguments->steps);
    arguments->json ? print_json(plan) : print(plan);
  });
}

}  // namespace sinter::cli
