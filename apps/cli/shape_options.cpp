#include "shape_options.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "choice_option.h"
#include "device_option.h"
#include "mesh_options.h"
#include "model_options.h"
#include "picture_options.h"
#include "sinter/error.h"
#include "text.h"

namespace sinter::cli {

namespace {

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

std::uint64_t parse_budget(const std::string& text) {
  if (const auto bytes = parse_bytes(text)) return *bytes;
  throw Error(
      ErrorCode::invalid_argument,
      "[memory] vram-budget: expected a size such as 4GB, 3.5GiB or 900MB, got '" + text + "'");
}

/// Where hashes of large checkpoints are remembered; empty where there is no such place.
std::string hash_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  if (const auto own = variable("SINTER_HASH_FOLDER"); !own.empty()) return own.string();
  if (const auto caches = variable("XDG_CACHE_HOME"); !caches.empty()) {
    return (caches / "sinter" / "hashes").string();
  }
  const auto home = variable("HOME");
  return home.empty() ? "" : (home / ".cache" / "sinter" / "hashes").string();
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

}  // namespace

std::string ShapeArguments::model_path() const {
  return model.empty() ? shipped_model() : model;
}

void add_sampling_options(CLI::App& command, GenerateOptions& options) {
  command
      .add_option(
          "--steps", options.steps, "sampling steps, 1..1000, or 1..100 for step-distilled models")
      ->default_str("the model's own: 50; distilled 30 or 5")
      ->group("Sampling");
  command
      .add_option("--guidance",
                  options.guidance,
                  "how strictly to follow the picture; negative: off; distilled models: 0..65")
      ->default_str("the model's own: 5")
      ->group("Sampling");
  add_choice<Solver>(
      command,
      "--solver",
      options.solver,
      {{"euler", Solver::euler}, {"ab2", Solver::ab2}},
      "how steps follow the velocities: euler, as upstream; ab2: Adams-Bashforth of two "
      "steps, second order at the same cost")
      ->group("Sampling");
  command
      .add_option("--cache",
                  options.cache,
                  "leave evaluations out: a cache_config.json, or off, safe, fast, max (see "
                  "cache-plan and docs/cache.md)")
      ->capture_default_str()
      ->group("Sampling");
  command
      .add_option_function<std::string>(
          "--seed",
          [&options](const std::string& text) { options.seed = parse_seed(text); },
          "seed of the initial noise, 0..2^64-1")
      ->default_str(std::to_string(options.seed))
      ->group("Sampling");
  std::vector<std::string> noises;
  for (const Noise noise : kNoises) noises.emplace_back(to_string(noise));
  command
      .add_option_function<std::string>(
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
}

void add_decode_options(CLI::App& command, GenerateOptions& options) {
  command.add_option("--octree", options.octree, "grid cells along each axis, 16..512")
      ->capture_default_str()
      ->group("Surface");
  add_choice<Decode>(
      command,
      "--decode",
      options.decode,
      {{"dense", Decode::dense},
       {"hierarchical", Decode::hierarchical},
       {"flashvdm", Decode::flashvdm}},
      "dense or hierarchical: same surface, other cost; flashvdm: the reference's fast "
      "approximation")
      ->group("Surface");
  add_choice<FlashVdmKeys>(
      command,
      "--flashvdm-keys",
      options.flashvdm_keys,
      {{"mean", FlashVdmKeys::mean}, {"merge", FlashVdmKeys::merge}},
      "what a part of space attends to: a fixed number of keys a head (mean), or all "
      "with any weight (merge)")
      ->group("Surface");
  add_choice<FlashVdmLevels>(
      command,
      "--flashvdm-levels",
      options.flashvdm_levels,
      {{"own", FlashVdmLevels::own}, {"upstream", FlashVdmLevels::upstream}},
      "own: decodes the --octree asked for; upstream: the reference's sizes, 380 for "
      "384")
      ->group("Surface");
  command.add_option("--level", options.level, "value of the field at which the surface lies")
      ->capture_default_str()
      ->group("Surface");
}

void add_shape_options(CLI::App& command, ShapeArguments& arguments) {
  arguments.engine.warn = print_warning;
  command.add_option("--model", arguments.model, kModelHelp)
      ->envname("SINTER_MODEL")
      ->default_str("the shipped models/sinter-small")
      ->group("Model");
  add_model_options(command, arguments.engine.variant, arguments.engine.config);
  command
      .add_option("--vae",
                  arguments.engine.vae,
                  "folder, repository or file of a VAE to use instead of the model's own")
      ->group("Model");

  GenerateOptions& options = arguments.options;
  add_picture_options(command, options.remove_background, options.matting_model);
  add_sampling_options(command, options);
  add_decode_options(command, options);
  command.add_option("--box", options.box, "half the side of the decoded cube, above 0, at most 4")
      ->capture_default_str()
      ->group("Surface");
  command.add_option("--faces", options.faces, "bring the mesh to this many faces; 0 keeps all")
      ->capture_default_str()
      ->group("Surface");
  command.add_flag("!--keep-floaters", options.remove_floaters, "keep small loose pieces")
      ->group("Surface");
  add_write_options(command, arguments.write);

  add_device_options(command, arguments.engine);
  command.add_flag("--quiet", arguments.quiet, "print errors only")->group("Run");
}

void add_device_options(CLI::App& command, EngineOptions& engine) {
  engine.hash_folder = hash_folder();
  add_device(command, engine.device, "where the networks run")->group("Run");
  command.add_option("--dtype", engine.dtype, "on a GPU: fp16 or bf16, sums in fp32")
      ->capture_default_str()
      ->group("Run");
  command
      .add_flag("--fp8",
                engine.fp8,
                "on a GPU: large products of the shape transformer in 8 bits; faster, less exact")
      ->group("Run");
  command
      .add_option_function<std::string>(
          "--vram-budget",
          [&engine](const std::string& text) { engine.vram_budget = parse_budget(text); },
          "most GPU memory that a run may hold: 4GB, 3.5GiB, 900MB; networks are loaded one at a "
          "time and the decoder takes smaller steps where it is tight")
      ->default_str("what is free, less a margin")
      ->group("Run");
  command.add_option("--threads", engine.threads, "CPU threads, 0 takes all; same result for any")
      ->capture_default_str()
      ->group("Run");
}

}  // namespace sinter::cli
