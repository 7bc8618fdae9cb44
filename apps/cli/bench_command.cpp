#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "memory_report.h"
#include "progress_line.h"
#include "shape_options.h"
#include "sinter/benchmark.h"
#include "sinter/error.h"
#include "sinter/file.h"
#include "sinter/version.h"
#include "text.h"

namespace sinter::cli {

namespace {

struct BenchArguments {
  std::string variant, model, json;
  bool random_weights = false, quiet = false;
  GenerateOptions options;
  EngineOptions engine;
  BenchmarkOptions benchmark;

  std::string subject() const { return random_weights ? variant : model; }
};

/// A rate with its share of the ceiling: "203 41%"; "-" where the work is not known.
std::string rate(double work, double seconds, double ceiling, double unit) {
  if (work <= 0 || seconds <= 0) return "-";
  return number(work / seconds / unit, 3) + " " + number(100 * work / seconds / ceiling, 2) + "%";
}

void print(const BenchArguments& arguments, const ShapeBenchmark& figures) {
  const Metrics& metrics = figures.metrics;
  print_pairs(
      {{"model", arguments.subject() + (arguments.random_weights ? ", random weights" : "")},
       {"steps", number(metrics.steps) + ", guidance " + number(metrics.guidance)},
       {"evaluated",
        std::to_string(metrics.steps_computed) + " steps, " + metrics.solver + ", " +
            metrics.cache_method +
            (metrics.cache_bytes == 0 ? "" : " holding " + bytes_text(metrics.cache_bytes))},
       {"runs",
        std::to_string(arguments.benchmark.runs) + " timed, first " +
            number(figures.warm_up_seconds) + " s with loading"},
       {"ceilings",
        number(figures.ceilings.flop_per_second * 1e-12, 3) + " TFLOP/s large product, " +
            number(figures.ceilings.bytes_per_second * 1e-9, 3) + " GB/s large copy"},
       {"field",
        grouped(metrics.field_queries) + " of " + grouped(metrics.grid_points) + " points"},
       {"mesh", grouped(metrics.vertices) + " vertices, " + grouped(metrics.faces) + " faces"},
       {"device", metrics.device},
       {"peak memory",
        bytes_text(metrics.peak_memory_bytes) +
            (metrics.peak_device_memory_bytes == 0
                 ? ""
                 : ", on the device " + bytes_text(metrics.peak_device_memory_bytes))}});
  std::printf("\n%-10s %10s %10s %10s  %-14s %-14s\n",
              "stage",
              "median ms",
              "least",
              "most",
              "TFLOP/s share",
              "GB/s share");
  const auto row = [&](const StageFigures& stage) {
    std::printf("%-10s %10.2f %10.2f %10.2f  %-14s %-14s\n",
                stage.stage.c_str(),
                1e3 * stage.median,
                1e3 * stage.least,
                1e3 * stage.most,
                rate(stage.flop, stage.median, figures.ceilings.flop_per_second, 1e12).c_str(),
                rate(stage.bytes, stage.median, figures.ceilings.bytes_per_second, 1e9).c_str());
  };
  for (const StageFigures& stage : figures.stages) row(stage);
  row(figures.whole);
}

nlohmann::ordered_json to_json(const StageFigures& stage) {
  return {{"median_ms", 1e3 * stage.median},
          {"least_ms", 1e3 * stage.least},
          {"most_ms", 1e3 * stage.most},
          {"flop", stage.flop},
          {"bytes", stage.bytes}};
}

nlohmann::ordered_json to_json(const BenchArguments& arguments, const ShapeBenchmark& figures) {
  const Metrics& metrics = figures.metrics;
  nlohmann::ordered_json stages = nlohmann::ordered_json::object();
  for (const StageFigures& stage : figures.stages) stages[stage.stage] = to_json(stage);
  return {{"sinter", SINTER_VERSION},
          {"model", arguments.subject()},
          {"random_weights", arguments.random_weights},
          {"vae", arguments.engine.vae},
          {"runs", arguments.benchmark.runs},
          {"views", arguments.benchmark.views},
          {"octree", arguments.options.octree},
          {"steps", metrics.steps},
          {"guidance", metrics.guidance},
          {"network_evaluations", metrics.network_evaluations},
          {"steps_computed", metrics.steps_computed},
          {"steps_predicted", metrics.steps_predicted},
          {"steps_elided", metrics.steps_elided},
          {"solver", metrics.solver},
          {"cache", metrics.cache_method},
          {"cache_bytes", metrics.cache_bytes},
          {"cache_offloaded_bytes", metrics.cache_offloaded_bytes},
          {"stages", stages},
          {"whole", to_json(figures.whole)},
          {"warm_up_ms", 1e3 * figures.warm_up_seconds},
          {"grid_points", metrics.grid_points},
          {"field_queries", metrics.field_queries},
          {"vertices", metrics.vertices},
          {"faces", metrics.faces},
          {"peak_memory_bytes", metrics.peak_memory_bytes},
          {"device", metrics.device},
          {"peak_device_memory_bytes", metrics.peak_device_memory_bytes},
          {"memory_plan", plan_json(metrics.memory_plan)},
          {"ceilings",
           {{"flop_per_second", figures.ceilings.flop_per_second},
            {"bytes_per_second", figures.ceilings.bytes_per_second}}}};
}

void choose_model(BenchArguments& arguments) {
  const bool named = !arguments.model.empty();
  if (arguments.random_weights == named || (named && !arguments.variant.empty())) {
    throw Error(ErrorCode::invalid_argument,
                "[bench] model: expected either --model PATH or --variant NAME with "
                "--random-weights");
  }
  if (arguments.random_weights && arguments.variant.empty()) arguments.variant = "base";
  const bool turbo = arguments.variant.find("turbo") != std::string::npos;
  const bool fast = arguments.options.decode == Decode::flashvdm && turbo;
  if (arguments.random_weights && fast && arguments.engine.vae.empty()) {
    arguments.engine.vae = "fast";
  }
  arguments.engine.random_weights = arguments.random_weights;
  arguments.engine.keep_weights = true;
}

void bench_shape(BenchArguments& arguments) {
  choose_model(arguments);
  if (!arguments.json.empty()) check_writable(arguments.json);
  Engine engine(arguments.subject(), arguments.engine);
  ProgressLine line(arguments.quiet);
  const ShapeBenchmark figures =
      benchmark_shape(engine, arguments.options, arguments.benchmark, [&line](const Progress& now) {
        line.show(now);
        return true;
      });
  line.finish();
  MemoryReport(arguments.quiet).show(figures.metrics.memory_plan);
  if (!arguments.quiet) print(arguments, figures);
  if (!arguments.json.empty()) {
    write_file(arguments.json, to_json(arguments, figures).dump(2) + "\n");
  }
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void add_bench_shape(CLI::App& bench) {
  auto arguments = std::make_shared<BenchArguments>();
  CLI::App* command = bench.add_subcommand(
      "shape", "time whole runs from a made-up picture to a mesh, stage by stage");
  command
      ->add_option("--variant",
                   arguments->variant,
                   "released model whose sizes to take: " + joined(released_variants()))
      ->default_str("base")
      ->group("Model");
  command
      ->add_flag("--random-weights",
                 arguments->random_weights,
                 "no checkpoint: weights of the size of trained ones, made when they are loaded; "
                 "with --decode flashvdm, turbo variants take the VAE that is meant for it")
      ->group("Model");
  command->add_option("--model", arguments->model, "a model on this machine instead; see generate")
      ->group("Model");
  command
      ->add_option("--vae",
                   arguments->engine.vae,
                   "a VAE instead of the model's own: folder, repository or file; with "
                   "--random-weights \"fast\", the one with the small decoder")
      ->group("Model");
  command
      ->add_option("--config",
                   arguments->engine.config,
                   "configuration in place of the model's, for other sizes")
      ->group("Model");
  command
      ->add_option("--views", arguments->benchmark.views, "pictures given, 1..4; mv variants only")
      ->capture_default_str()
      ->group("Model");
  add_sampling_options(*command, arguments->options);
  add_decode_options(*command, arguments->options);
  command->add_option("--runs", arguments->benchmark.runs, "runs that are timed, 1..1000")
      ->capture_default_str()
      ->group("Run");
  command
      ->add_option("--warm-ups",
                   arguments->benchmark.warm_ups,
                   "runs before that, 0..1000; without any the first one loads the weights")
      ->capture_default_str()
      ->group("Run");
  command->add_option("--json", arguments->json, "write the figures to this JSON file")
      ->group("Run");
  add_device_options(*command, arguments->engine);
  command->add_flag("--quiet", arguments->quiet, "print errors only")->group("Run");
  command->callback([arguments] { bench_shape(*arguments); });
}

}  // namespace

void add_bench(CLI::App& app, int&) {
  CLI::App* bench = app.add_subcommand("bench", "measure how fast this machine runs a model");
  bench->require_subcommand(1);
  add_bench_shape(*bench);
}

}  // namespace sinter::cli
