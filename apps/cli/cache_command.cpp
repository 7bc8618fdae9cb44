#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "progress_line.h"
#include "shape_options.h"
#include "sinter/cache.h"
#include "sinter/engine.h"
#include "sinter/file.h"
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

struct FitArguments : ShapeArguments {
  std::vector<std::string> pictures;
  std::string output, kind = "schedule";
  CacheFitOptions fit;
};

void fit_cache(FitArguments& arguments) {
  check_writable(arguments.output);
  using Kind = CacheFitOptions::Kind;
  arguments.fit.kind = arguments.kind == "teacache" ? Kind::tea : Kind::schedule;
  arguments.engine.keep_weights = true;
  Engine engine(arguments.model_path(), arguments.engine);
  ProgressLine line(arguments.quiet);
  const CacheFit fit = engine.fit_cache(
      arguments.pictures, arguments.options, arguments.fit, [&line](const Progress& now) {
        line.show(now);
        return true;
      });
  line.finish();
  write_file(arguments.output, fit.json);
  if (arguments.quiet) return;
  if (arguments.fit.kind == Kind::schedule) {
    std::printf("%s: %zu computed steps:", arguments.output.c_str(), fit.schedule.size());
    for (const int step : fit.schedule) std::printf(" %d", step);
    std::printf("\n");
    return;
  }
  std::printf("%s: degree %zu, R^2 %s, RMSE %s, distances %s to %s\n",
              arguments.output.c_str(),
              fit.coefficients.size() - 1,
              number(fit.r2).c_str(),
              number(fit.rmse).c_str(),
              number(fit.least).c_str(),
              number(fit.most).c_str());
}

}  // namespace

void add_cache_fit(CLI::App& app, int&) {
  auto arguments = std::make_shared<FitArguments>();
  CLI::App* command = app.add_subcommand(
      "cache-fit", "make a cache configuration for a model from runs on a few pictures");
  command
      ->add_option(
          "kind", arguments->kind, "schedule: the steps to compute; teacache: its polynomial")
      ->check(CLI::IsMember({"schedule", "teacache"}))
      ->required();
  command->add_option("pictures", arguments->pictures, "pictures, each of another object")
      ->required();
  command->add_option("-o,--output", arguments->output, "cache_config.json to write")->required();
  command->add_option("--computed", arguments->fit.computed, "schedule: steps to compute")
      ->capture_default_str();
  command
      ->add_option("--most-skipped",
                   arguments->fit.most_skipped,
                   "schedule: most steps left out in a row, at least 0")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  command->add_flag(
      "--velocity", arguments->fit.velocity, "schedule: forecast velocities, not the trunk");
  command
      ->add_option("--threshold", arguments->fit.threshold, "teacache: threshold to write, 0..10")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  command->add_option("--model", arguments->model, "the model; see generate")
      ->envname("SINTER_MODEL")
      ->default_str("the shipped models/sinter-small")
      ->group("Model");
  add_sampling_options(*command, arguments->options);
  add_device_options(*command, arguments->engine);
  command->add_flag("--quiet", arguments->quiet, "print errors only")->group("Run");
  command->footer("Runs compute every step, whatever --cache says.");
  command->callback([arguments] { fit_cache(*arguments); });
}

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
