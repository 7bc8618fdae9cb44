#include "sinter/engine.h"

#include <algorithm>

#include "api/cache_fit.h"
#include "api/content_hash.h"
#include "api/device.h"
#include "api/threads.h"
#include "checkpoint/official_config.h"
#include "models/random_weights.h"
#include "pipeline/ceilings.h"
#include "pipeline/image_to_shape.h"
#include "pipeline/sampling_settings.h"
#include "sampling/cache_presets.h"
#include "sinter/file.h"
#include "sinter/version.h"

namespace sinter {

namespace {

constexpr std::uint64_t kWeightSeed = 1;

models::ShapeModel random_model(const std::string& variant, const EngineOptions& options) {
  using checkpoint::ConfigNode;
  const int threads = resolve_threads(options.threads);
  const std::string label = variant + " (random weights)";
  const ConfigNode config = options.config.empty()
                                ? ConfigNode::parse(checkpoint::official_config(variant), label)
                                : ConfigNode::load(options.config);
  auto tensors = models::bundle_tensors(models::ShapeModelConfig::from(config));
  models::ShapeModel model(models::random_weights(std::move(tensors), label, kWeightSeed, threads),
                           config);
  if (options.vae.empty()) return model;
  const std::string fast =
      options.vae == "fast" ? checkpoint::official_fast_vae(variant) : std::string();
  SINTER_CHECK(!fast.empty(),
               ErrorCode::invalid_argument,
               "[options] vae: expected nothing, or \"fast\" for a step-distilled variant, with "
               "random weights, got ",
               options.vae,
               " (",
               variant,
               ")");
  const ConfigNode vae = ConfigNode::parse(fast, label + ", VAE");
  tensors = models::vae_tensors(models::ShapeVaeConfig::from(vae));
  model.use_vae(models::random_weights(std::move(tensors), label + ", VAE", kWeightSeed, threads),
                vae);
  return model;
}

models::ShapeModel open_model(const std::string& name, const EngineOptions& options) {
  if (options.random_weights) return random_model(name, options);
  const checkpoint::Variant variant = checkpoint::parse_variant(options.variant);
  models::ShapeModel model = models::ShapeModel::open({name, variant, options.config});
  if (!options.vae.empty()) model.use_vae({options.vae, variant});
  return model;
}

models::ShapeModel open_checked(const std::string& name, const EngineOptions& options) {
  models::ShapeModel model = open_model(name, options);
  SINTER_CHECK(
      !options.fp8 || std::holds_alternative<models::Hunyuan3DDitConfig>(model.config().dit),
      ErrorCode::unsupported,
      "[engine] fp8: expected a shape transformer of the 2.0 family, got that of 2.1");
  return model;
}

}  // namespace

struct Engine::State {
  State(const std::string& name, EngineOptions options)
      : path(name),
        vae(options.vae),
        vram_budget(options.vram_budget),
        ctx(open_context(options.device, options.dtype, options.fp8, options.warn)),
        networks(open_checked(name, options), options.keep_weights),
        hash(networks.model().checkpoint(), options.hash_folder),
        vae_hash(networks.model().vae_checkpoint(), options.hash_folder),
        extractor(pipeline::make_extractor(ctx)) {
    ctx.threads = resolve_threads(options.threads);
    if (const auto& accelerator = ctx.accelerator()) {
      // Loading gains nothing from more, and where threads that work in step have no core for one
      // of them, because the hash takes it, all wait.
      constexpr int kMost = 8;
      if (options.threads == 0) ctx.threads = std::clamp(ctx.threads / 2, 1, kMost);
      accelerator->threads = ctx.threads;
      accelerator->set_tuning(options.keep_weights);
    }
    ctx.switches = Switches::from_environment();
    ctx.log = [warn = std::move(options.warn)](LogLevel level, const std::string& text) {
      if (warn && level <= LogLevel::warning) warn(text);
    };
    for (const std::string& note : networks.model().notes()) ctx.log(LogLevel::warning, note);
  }

  Provenance provenance(const GenerateOptions& options, const std::function<void()>& poll);
  /// Raises ErrorCode::invalid_argument for a fit or schedule that was made from another
  /// checkpoint.
  void check_calibration(const GenerateOptions& options);
  /// Lets the hashes be ready when provenance() wants them. The CPU's cores are busy where the
  /// networks run there.
  void start_hashes() {
    if (ctx.accelerator() == nullptr) return;
    hash.start();
    if (!vae.empty()) vae_hash.start();
  }

  std::string path, vae;
  std::uint64_t vram_budget;
  Context ctx;
  // Their memory is that of the context's accelerator: gone before it.
  pipeline::Networks networks;
  ContentHash hash, vae_hash;
  std::unique_ptr<pipeline::ShapeExtractor> extractor;
};

namespace {

std::string decode_name(const GenerateOptions& options) {
  switch (options.decode) {
    case Decode::dense:
      return "dense";
    case Decode::hierarchical:
      return "hierarchical";
    case Decode::flashvdm:
      break;
  }
  std::string name = "flashvdm";
  name += options.flashvdm_keys == FlashVdmKeys::mean ? ", mean keys" : ", merged keys";
  if (options.flashvdm_levels == FlashVdmLevels::upstream) name += ", upstream's levels";
  return name;
}

/// "models/sinter-small/" -> "sinter-small": a name that says nothing of the machine.
std::string last_component(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path.substr(path.find_last_of('/') + 1);
}

/// "off" or a preset, or the file's hash: a name would say nothing of what it holds.
std::string cache_name(const GenerateOptions& options) {
  return sampling::is_preset(options.cache) ? options.cache : file_sha256(options.cache);
}

/// Steps and guidance are those that the model takes where the options leave them open.
Provenance describe_run(const models::ShapeModel& model,
                        const Context& ctx,
                        const GenerateOptions& options) {
  const pipeline::SamplingSettings settings = pipeline::sampling_settings(model, options);
  Provenance provenance;
  provenance.box = options.box;
  provenance.entries = {
      {"seed", options.seed},
      {"noise", std::string(to_string(options.noise))},
      {"steps", std::int64_t{settings.steps}},
      {"guidance", settings.guidance},
      {"solver", std::string(options.solver == Solver::ab2 ? "ab2" : "euler")},
      {"cache", cache_name(options)},
      {"octree", std::int64_t{options.octree}},
      {"decode", decode_name(options)},
      {"level", options.level},
      {"box", options.box},
      {"faces", options.faces},
      {"remove_floaters", options.remove_floaters},
      {"remove_background", std::string(to_string(options.remove_background))},
      {"matting_model", last_component(options.matting_model)},
      {"compute",
       cat(to_string(ctx.device()),
           " ",
           to_string(ctx.compute()),
           ctx.placement().fp8 ? ", shape transformer f8_e4m3" : "")},
  };
  return provenance;
}

}  // namespace

Provenance Engine::State::provenance(const GenerateOptions& options,
                                     const std::function<void()>& poll) {
  const models::ShapeModel& model = networks.model();
  Provenance result = describe_run(model, ctx, options);
  auto& entries = result.entries;
  if (!vae.empty()) {
    entries.insert(entries.begin(),
                   {{"vae", last_component(vae)}, {"vae_sha256", vae_hash.get(poll)}});
  }
  entries.insert(entries.begin(),
                 {{"model", last_component(path)}, {"model_sha256", hash.get(poll)}});
  return result;
}

void Engine::State::check_calibration(const GenerateOptions& options) {
  const sampling::CacheConfig cache = sampling::find_cache(options.cache);
  if (!cache.calibration) return;
  const std::string own = hash.get({});
  SINTER_CHECK(
      cache.calibration->model == own,
      ErrorCode::invalid_argument,
      "[cache] E_PROFILE /sinter/calibration/model: made for another checkpoint: expected ",
      own,
      ", got ",
      cache.calibration->model,
      " (",
      cache.file,
      ")");
}

Engine::Engine(const std::string& model, EngineOptions options)
    : state_(std::make_unique<State>(model, std::move(options))) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

Ceilings Engine::measure_ceilings() {
  return pipeline::measure_ceilings(state_->ctx);
}

Provenance Engine::provenance(const GenerateOptions& options) {
  pipeline::check_options(options);
  return state_->provenance(options, {});
}

CacheFit Engine::fit_cache(const std::vector<std::string>& pictures,
                           const GenerateOptions& options,
                           const CacheFitOptions& fit,
                           const ProgressCallback& progress) {
  SINTER_CHECK(!pictures.empty(),
               ErrorCode::invalid_argument,
               "[cache-fit] pictures: expected at least one, got none");
  pipeline::check_options(options);
  if (const auto& accelerator = state_->ctx.accelerator()) accelerator->make_current();
  std::vector<sampling::Trajectory> runs;
  for (const std::string& path : pictures) {
    const std::vector<Picture> one = {{.path = path}};
    runs.push_back(pipeline::record_trajectory(state_->ctx,
                                               state_->networks,
                                               *state_->extractor,
                                               one,
                                               options,
                                               state_->vram_budget,
                                               progress));
  }
  const pipeline::SamplingSettings settings =
      pipeline::sampling_settings(state_->networks.model(), options);
  return make_cache_fit(runs,
                        fit,
                        {.model = state_->hash.get({}),
                         .steps = settings.steps,
                         .guidance = settings.guidance,
                         .solver = options.solver == Solver::ab2 ? "ab2" : "euler"});
}

GenerateResult Engine::generate(const std::string& image_path,
                                const GenerateOptions& options,
                                const ProgressCallback& progress,
                                Metrics* metrics) {
  return generate(std::vector<Picture>{{.path = image_path}}, options, progress, metrics);
}

GenerateResult Engine::generate(const std::vector<Picture>& pictures,
                                const GenerateOptions& options,
                                const ProgressCallback& progress,
                                Metrics* metrics) {
  pipeline::check_options(options);
  state_->start_hashes();
  Metrics own;
  Metrics& filled = metrics != nullptr ? *metrics : own;
  filled = {};
  const std::shared_ptr<Accelerator>& accelerator = state_->ctx.accelerator();
  if (accelerator) accelerator->make_current();
  filled.device = to_string(state_->ctx.device());
  const models::ShapeModel& model = state_->networks.model();
  filled.weight_bytes = model.checkpoint().total_bytes();
  if (!state_->vae.empty()) filled.weight_bytes += model.vae_checkpoint().total_bytes();
  Progress last;
  const ProgressCallback watched = [&](const Progress& now) {
    last = now;
    return !progress || progress(now);
  };
  state_->check_calibration(options);
  GenerateResult result;
  result.mesh = pipeline::image_to_shape(state_->ctx,
                                         state_->networks,
                                         *state_->extractor,
                                         pictures,
                                         options,
                                         state_->vram_budget,
                                         watched,
                                         filled);
  if (accelerator) {
    filled.peak_device_memory_bytes = accelerator->peak_bytes() + accelerator->overhead_bytes();
    // An engine that is used again is worth it.
    accelerator->set_tuning(true);
  }
  // The first run of an engine may have to wait for the hash of the checkpoint.
  const auto poll = [&] {
    if (!watched(last)) fail(ErrorCode::cancelled, "cancelled");
  };
  result.provenance = state_->provenance(options, poll);
  return result;
}

}  // namespace sinter
