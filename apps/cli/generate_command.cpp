#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "interrupt.h"
#include "memory_report.h"
#include "picture_options.h"
#include "progress_line.h"
#include "shape_options.h"
#include "sinter/engine.h"
#include "sinter/error.h"
#include "sinter/file.h"
#include "sinter/version.h"
#include "text.h"

namespace sinter::cli {

namespace {

struct GenerateArguments : ShapeArguments {
  std::vector<Picture> pictures;
  std::string output, metrics;
};

nlohmann::ordered_json to_json(const Metrics& metrics) {
  nlohmann::ordered_json stages = nlohmann::ordered_json::object();
  for (const StageTime& stage : metrics.stages) stages[stage.stage] = stage.seconds;
  nlohmann::ordered_json levels = nlohmann::ordered_json::array();
  for (const FieldLevel& level : metrics.field_levels) {
    levels.push_back({{"cells", level.cells}, {"queries", level.queries}});
  }
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (const SampledStep& step : metrics.sampled_steps) {
    nlohmann::ordered_json entry = {{"kind", step.kind}};
    if (metrics.cache_method != "NoCache" && metrics.cache_method != "TaylorSeer") {
      entry.update({{"value", step.value}, {"accumulated", step.accumulated}});
    }
    steps.push_back(entry);
  }
  return {{"seconds", metrics.seconds},
          {"stages", stages},
          {"steps", metrics.steps},
          {"guidance", metrics.guidance},
          {"steps_computed", metrics.steps_computed},
          {"steps_predicted", metrics.steps_predicted},
          {"steps_elided", metrics.steps_elided},
          {"solver", metrics.solver},
          {"cache",
           {{"method", metrics.cache_method},
            {"bytes", metrics.cache_bytes},
            {"offloaded_bytes", metrics.cache_offloaded_bytes},
            {"anomalies", metrics.cache_anomalies},
            {"steps", steps}}},
          {"network_evaluations", metrics.network_evaluations},
          {"grid_points", metrics.grid_points},
          {"field_queries", metrics.field_queries},
          {"field_levels", levels},
          {"field_following_queries", metrics.field_following_queries},
          {"field_following_rounds", metrics.field_following_rounds},
          {"vertices", metrics.vertices},
          {"faces", metrics.faces},
          {"floaters_removed", metrics.floaters_removed},
          {"weight_bytes", metrics.weight_bytes},
          {"peak_memory_bytes", metrics.peak_memory_bytes},
          {"device", metrics.device},
          {"peak_device_memory_bytes", metrics.peak_device_memory_bytes},
          {"memory_plan", plan_json(metrics.memory_plan)}};
}

void write_metrics(const GenerateArguments& arguments, const Metrics& metrics, const Error* error) {
  if (arguments.metrics.empty()) return;
  nlohmann::ordered_json pictures = nlohmann::ordered_json::object();
  for (const Picture& picture : arguments.pictures)
    pictures[to_string(picture.view)] = picture.path;
  nlohmann::ordered_json json = {{"sinter", SINTER_VERSION},
                                 {"status", error == nullptr ? "ok" : to_string(error->code())},
                                 {"error", error == nullptr ? "" : error->message()},
                                 {"pictures", pictures},
                                 {"output", arguments.output}};
  json.update(to_json(metrics));
  // Paths may hold bytes that are not UTF-8; they are replaced rather than refused.
  write_file(arguments.metrics,
             json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void generate(const GenerateArguments& arguments, Metrics& metrics) {
  check_mesh_path(arguments.output, arguments.write);
  count_interrupts(1);
  Engine engine(arguments.model_path(), arguments.engine);
  ProgressLine line(arguments.quiet);
  MemoryReport memory(arguments.quiet);
  const auto progress = [&](const Progress& now) {
    memory.show(metrics.memory_plan);
    line.show(now);
    return interrupts() == 0;
  };
  const GenerateResult result =
      engine.generate(arguments.pictures, arguments.options, progress, &metrics);
  write_mesh(arguments.output, result.mesh, result.provenance, arguments.write);
  line.finish();
  if (!arguments.quiet) {
    if (!arguments.options.save_matte.empty()) {
      std::printf("%s: the matte\n", arguments.options.save_matte.c_str());
    }
    std::printf("%s: %s vertices, %s faces, %s\n",
                arguments.output.c_str(),
                grouped(metrics.vertices).c_str(),
                grouped(metrics.faces).c_str(),
                seconds_text(metrics.seconds).c_str());
  }
}

/// Runs, and writes the metrics whichever way the run ends.
void generate_with_metrics(GenerateArguments& arguments) {
  if (!arguments.metrics.empty()) check_writable(arguments.metrics);
  if (!arguments.options.save_matte.empty()) check_writable(arguments.options.save_matte);
  Metrics metrics;
  try {
    generate(arguments, metrics);
  } catch (const Error& error) {
    write_metrics(arguments, metrics, &error);
    throw;
  } catch (const std::bad_alloc&) {
    const Error error(ErrorCode::out_of_memory, "out of memory");
    write_metrics(arguments, metrics, &error);
    throw error;
  }
  write_metrics(arguments, metrics, nullptr);
}

/// The positional picture is the front; the others are named.
void add_pictures(CLI::App& command, GenerateArguments& arguments) {
  const auto add = [&](const char* option, View view, const char* help) {
    return command.add_option_function<std::string>(
        option,
        [&arguments, view](const std::string& path) {
          arguments.pictures.push_back({path, view});
        },
        help);
  };
  add("image", View::front, "PNG, JPEG, WebP, BMP or TIFF; best a cut-out with transparency");
  const char* side = "picture of this side; models of several views take any of the four";
  add("--front", View::front, "the same as the picture without an option")->group("Views");
  add("--left", View::left, side)->group("Views");
  add("--back", View::back, side)->group("Views");
  add("--right", View::right, side)->group("Views");
}

}  // namespace

void add_generate(CLI::App& app, int&) {
  auto arguments = std::make_shared<GenerateArguments>();
  CLI::App* command =
      app.add_subcommand("generate", "turn a picture, or several views, into a mesh");
  add_pictures(*command, *arguments);
  command
      ->add_option(
          "-o,--output", arguments->output, "mesh to write: .glb, .obj, .ply, .stl, .3mf or .usdz")
      ->required();
  add_shape_options(*command, *arguments);
  add_save_matte(*command, arguments->options.save_matte);
  command
      ->add_option(
          "--metrics", arguments->metrics, "write seconds, counts and memory to this JSON file")
      ->group("Run");
  command->footer(
      "Ctrl-C stops the run, with exit status 8; a second one ends the program at once.");
  command->callback([arguments] { generate_with_metrics(*arguments); });
}

}  // namespace sinter::cli
