#include "sinter/engine.h"

#include "api/threads.h"
#include "pipeline/image_to_shape.h"
#include "sinter/version.h"

namespace sinter {

namespace {

checkpoint::ModelRequest model_request(const std::string& model, const EngineOptions& options) {
  return {model, checkpoint::parse_variant(options.variant), options.config};
}

}  // namespace

struct Engine::State {
  State(const std::string& name, EngineOptions options)
      : path(name),
        networks(models::ShapeModel::open(model_request(name, options)), options.keep_weights) {
    ctx.threads = resolve_threads(options.threads);
    ctx.switches = Switches::from_environment();
    ctx.log = [warn = std::move(options.warn)](LogLevel level, const std::string& text) {
      if (warn && level <= LogLevel::warning) warn(text);
    };
    for (const std::string& note : networks.model().notes()) ctx.log(LogLevel::warning, note);
  }

  const std::string& content_hash(const std::function<void()>& poll) {
    if (hash.empty()) hash = networks.model().checkpoint().content_hash(poll);
    return hash;
  }

  std::string path;
  pipeline::Networks networks;
  Context ctx;
  std::string hash;
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

Provenance make_provenance(const std::string& model,
                           const std::string& hash,
                           const GenerateOptions& options) {
  Provenance provenance;
  provenance.box = options.box;
  provenance.entries = {
      {"model", model},
      {"model_sha256", hash},
      {"seed", options.seed},
      {"noise", std::string(to_string(options.noise))},
      {"steps", std::int64_t{options.steps}},
      {"guidance", options.guidance},
      {"octree", std::int64_t{options.octree}},
      {"decode", decode_name(options)},
      {"level", options.level},
      {"box", options.box},
      {"faces", options.faces},
      {"remove_floaters", options.remove_floaters},
  };
  return provenance;
}

/// "models/sinter-small/" -> "sinter-small": a name that says nothing of the machine.
std::string last_component(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path.substr(path.find_last_of('/') + 1);
}

}  // namespace

Engine::Engine(const std::string& model, EngineOptions options)
    : state_(std::make_unique<State>(model, std::move(options))) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

Provenance Engine::provenance(const GenerateOptions& options) {
  pipeline::check_options(options);
  return make_provenance(last_component(state_->path), state_->content_hash({}), options);
}

GenerateResult Engine::generate(const std::string& image_path,
                                const GenerateOptions& options,
                                const ProgressCallback& progress,
                                Metrics* metrics) {
  pipeline::check_options(options);
  Metrics own;
  Metrics& filled = metrics != nullptr ? *metrics : own;
  filled = {};
  filled.weight_bytes = state_->networks.model().checkpoint().total_bytes();
  Progress last;
  const ProgressCallback watched = [&](const Progress& now) {
    last = now;
    return !progress || progress(now);
  };
  GenerateResult result;
  result.mesh =
      pipeline::image_to_shape(state_->ctx, state_->networks, image_path, options, watched, filled);
  // The first run of an engine reads the whole checkpoint once more.
  const auto poll = [&] {
    if (!watched(last)) fail(ErrorCode::cancelled, "cancelled");
  };
  result.provenance =
      make_provenance(last_component(state_->path), state_->content_hash(poll), options);
  return result;
}

}  // namespace sinter
