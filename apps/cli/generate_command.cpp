#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "progress_line.h"
#include "sinter/engine.h"
#include "sinter/error.h"
#include "sinter/file.h"
#include "sinter/version.h"
#include "text.h"

namespace sinter::cli {

namespace {

struct GenerateArguments {
  std::string image, output, metrics;
  std::string model;
  GenerateOptions options;
  bool keep_floaters = false, quiet = false;
  EngineOptions engine;
};

volatile std::sig_atomic_t interrupted = 0;

/// The model that comes with sinter: below the current folder, beside the build folder, or
/// installed.
std::string shipped_model() {
  namespace fs = std::filesystem;
  const fs::path name = fs::path("models") / "sinter-small";
  std::error_code ignored;
  if (fs::exists(name, ignored)) return name.string();
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const char* up : {"../../..", "../share/sinter"}) {
    const fs::path candidate = (program / up / name).lexically_normal();
    if (fs::exists(candidate, ignored)) return candidate.string();
  }
  return name.string();
}

/// CLI11 would wrap a negative or too large number around.
std::uint64_t parse_seed(const std::string& text) {
  std::uint64_t seed = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, seed);
  if (error != std::errc() || stop != end) {
    throw Error(ErrorCode::invalid_argument,
                "[generate] seed: expected an integer 0..18446744073709551615, got '" + text + "'");
  }
  return seed;
}

nlohmann::ordered_json to_json(const Metrics& metrics) {
  nlohmann::ordered_json stages = nlohmann::ordered_json::object();
  for (const StageTime& stage : metrics.stages) stages[stage.stage] = stage.seconds;
  return {{"seconds", metrics.seconds},
          {"stages", stages},
          {"steps_computed", metrics.steps_computed},
          {"steps_elided", metrics.steps_elided},
          {"network_evaluations", metrics.network_evaluations},
          {"grid_points", metrics.grid_points},
          {"field_queries", metrics.field_queries},
          {"field_following_rounds", metrics.field_following_rounds},
          {"vertices", metrics.vertices},
          {"faces", metrics.faces},
          {"floaters_removed", metrics.floaters_removed},
          {"weight_bytes", metrics.weight_bytes},
          {"peak_memory_bytes", metrics.peak_memory_bytes}};
}

void write_metrics(const GenerateArguments& arguments, const Metrics& metrics, const Error* error) {
  if (arguments.metrics.empty()) return;
  nlohmann::ordered_json json = {{"sinter", SINTER_VERSION},
                                 {"status", error == nullptr ? "ok" : to_string(error->code())},
                                 {"error", error == nullptr ? "" : error->message()},
                                 {"image", arguments.image},
                                 {"output", arguments.output}};
  json.update(to_json(metrics));
  // Paths may hold bytes that are not UTF-8; they are replaced rather than refused.
  write_file(arguments.metrics,
             json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void generate(const GenerateArguments& arguments, Metrics& metrics) {
  check_mesh_path(arguments.output);
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
  Engine engine(arguments.model.empty() ? shipped_model() : arguments.model, arguments.engine);
  ProgressLine line(arguments.quiet);
  const auto progress = [&line](const Progress& now) {
    line.show(now);
    return interrupted == 0;
  };
  const GenerateResult result =
      engine.generate(arguments.image, arguments.options, progress, &metrics);
  write_mesh(arguments.output, result.mesh, result.provenance);
  line.finish();
  if (!arguments.quiet) {
    std::printf("%s: %s vertices, %s faces, %s\n",
                arguments.output.c_str(),
                grouped(metrics.vertices).c_str(),
                grouped(metrics.faces).c_str(),
                seconds_text(metrics.seconds).c_str());
  }
}

/// Runs, and writes the metrics whichever way the run ends.
void generate_with_metrics(GenerateArguments& arguments) {
  arguments.options.remove_floaters = !arguments.keep_floaters;
  if (!arguments.metrics.empty()) check_writable(arguments.metrics);
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

}  // namespace

void add_generate(CLI::App& app, int&) {
  auto arguments = std::make_shared<GenerateArguments>();
  arguments->engine.warn = [](const std::string& text) {
    std::fprintf(stderr, "sinter: warning: %s\n", text.c_str());
  };
  CLI::App* command = app.add_subcommand("generate", "turn a picture into a mesh");
  command
      ->add_option("image", arguments->image, "PNG, JPEG or WebP; best a cut-out with transparency")
      ->required();
  command->add_option("-o,--output", arguments->output, "mesh to write: .glb, .obj, .ply or .stl")
      ->required();
  command
      ->add_option(
          "--model", arguments->model, "folder with config.yaml and the weights, or a checkpoint")
      ->envname("SINTER_MODEL")
      ->default_str("the shipped models/sinter-small");

  GenerateOptions& options = arguments->options;
  command->add_option("--steps", options.steps, "sampling steps, 1..1000")
      ->capture_default_str()
      ->group("Sampling");
  command
      ->add_option(
          "--guidance", options.guidance, "how strictly to follow the picture; negative: off")
      ->capture_default_str()
      ->group("Sampling");
  command
      ->add_option_function<std::string>(
          "--seed",
          [&options](const std::string& text) { options.seed = parse_seed(text); },
          "seed of the initial noise, 0..2^64-1")
      ->default_str(std::to_string(options.seed))
      ->group("Sampling");
  std::vector<std::string> noises;
  for (const Noise noise : kNoises) noises.emplace_back(to_string(noise));
  command
      ->add_option_function<std::string>(
          "--noise",
          [&options, noises](const std::string& name) {
            options.noise =
                kNoises.at(std::find(noises.begin(), noises.end(), name) - noises.begin());
          },
          "random stream of the seed: philox (sinter's), or PyTorch's in half precision: "
          "torch-cpu (up to 2.12), torch-cpu-fp32 (2.13 and later), torch-cuda (any)")
      ->check(CLI::IsMember(noises))
      ->default_str(to_string(options.noise))
      ->group("Sampling");

  command->add_option("--octree", options.octree, "grid cells along each axis, 16..512")
      ->capture_default_str()
      ->group("Surface");
  command->add_option("--decode", options.decode, "dense or hierarchical: same surface, other cost")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Decode>{
          {"dense", Decode::dense}, {"hierarchical", Decode::hierarchical}}))
      ->default_str("hierarchical")
      ->group("Surface");
  command->add_option("--level", options.level, "value of the field at which the surface lies")
      ->capture_default_str()
      ->group("Surface");
  command->add_option("--box", options.box, "half the side of the decoded cube, above 0, at most 4")
      ->capture_default_str()
      ->group("Surface");
  command->add_option("--faces", options.faces, "decimate to this many faces; 0 keeps all")
      ->capture_default_str()
      ->group("Surface");
  command->add_flag("--keep-floaters", arguments->keep_floaters, "keep small loose pieces")
      ->group("Surface");

  command
      ->add_option(
          "--threads", arguments->engine.threads, "CPU threads, 0 takes all; same result for any")
      ->capture_default_str()
      ->group("Run");
  command
      ->add_option(
          "--metrics", arguments->metrics, "write seconds, counts and memory to this JSON file")
      ->group("Run");
  command->add_flag("--quiet", arguments->quiet, "print errors only")->group("Run");
  command->callback([arguments] { generate_with_metrics(*arguments); });
}

}  // namespace sinter::cli
