#include "pipeline/work_estimate.h"

#include <algorithm>
#include <cmath>

#include "sampling/sampler.h"

namespace sinter::pipeline {

namespace {

/// Linears of 12 width^2 a token (attention 4, MLP 8) and attention over all pairs of tokens.
double transformer_block(double tokens, double width) {
  return 12 * width * width * tokens + 2 * tokens * tokens * width;
}

/// Both halves of guidance, or the conditional one alone.
struct Halves {
  double conditional = 0, unconditional = 0;
};

Halves dit_step(const models::Hunyuan3DDitConfig& dit,
                double latents,
                double context,
                const Switches& switches) {
  const double blocks = static_cast<double>(dit.double_blocks + dit.single_blocks);
  const auto width = static_cast<double>(dit.width);
  const double zeros = switches.collapse_unconditional ? 1 : context;
  return {blocks * transformer_block(latents + context, width),
          blocks * transformer_block(latents + zeros, width)};
}

Halves dit_step(const models::HunyuanDitPlainConfig& dit,
                double latents,
                double context,
                const Switches& switches) {
  const auto width = static_cast<double>(dit.width), inner = static_cast<double>(dit.inner());
  const auto depth = static_cast<double>(dit.depth);
  const auto mixtures = static_cast<double>(std::min(dit.moe_layers, dit.depth));
  const auto skips = static_cast<double>((dit.depth - 1) / 2);
  const double tokens = latents + 1;  // the time is one
  const double self = depth * (4 * width * width + 2 * tokens * width);
  const double cross = depth * (2 * width * width + 2 * context * width);
  const double mlps = depth - mixtures + mixtures * (1 + dit.top_k);  // one expert is shared
  const double rest = mlps * 2 * inner * width + skips * 2 * width * width;
  return {tokens * (self + cross + rest),
          tokens * (self + rest + (switches.skip_zero_context ? 0 : cross))};
}

/// `keys`: latent tokens that a point attends to.
double field_query(const models::ShapeVaeConfig& vae, std::int64_t keys) {
  const auto width = static_cast<double>(vae.width / vae.geo_downsample);
  const auto ratio = static_cast<double>(vae.geo_mlp_ratio);
  return (2 + 2 * ratio) * width * width + 2 * static_cast<double>(keys) * width;
}

/// Points that will be asked for: all, or a shell around the surface of a typical object. A point a
/// cell of the surface would be about 4.5 (area in units of the half side) / spacing^2.
double field_points(const GenerateOptions& options) {
  const double side = options.octree + 1;
  constexpr double kShell = 6, kWideShell = 32;
  switch (options.decode) {
    case Decode::dense:
      return side * side * side;
    case Decode::hierarchical:
      return kShell * side * side;
    case Decode::flashvdm:
      break;
  }
  return kWideShell * side * side;
}

/// Multiply-adds of each network: over all pictures, one step of both halves, all latents, one
/// point.
struct NetworkWork {
  double condition = 0, step = 0, decoder = 0, query = 0;
};

NetworkWork network_work(const models::ShapeModelConfig& config,
                         const Switches& switches,
                         bool guided,
                         std::int64_t pictures,
                         Decode decode) {
  const auto views = static_cast<double>(pictures);
  const auto each = static_cast<double>(config.conditioner.tokens());
  const auto latents = static_cast<double>(config.vae.num_latents);
  const models::Dinov2Config& backbone = config.conditioner.backbone;
  const Halves halves = std::visit(
      [&](const auto& dit) { return dit_step(dit, latents, views * each, switches); }, config.dit);
  const bool few = decode == Decode::flashvdm;
  return {
      .condition = views * static_cast<double>(backbone.layers) *
                   transformer_block(each, static_cast<double>(backbone.width)),
      .step = halves.conditional + (guided ? halves.unconditional : 0),
      .decoder = static_cast<double>(config.vae.decoder_layers) *
                 transformer_block(latents, static_cast<double>(config.vae.width)),
      .query = field_query(
          config.vae, few ? models::kept_keys(config.vae.num_latents) : config.vae.num_latents)};
}

}  // namespace

std::vector<PlannedStage> plan_stages(const models::ShapeModelConfig& config,
                                      const Switches& switches,
                                      const sampling::Schedule& schedule,
                                      bool guided,
                                      std::int64_t pictures,
                                      const GenerateOptions& options) {
  const NetworkWork work = network_work(config, switches, guided, pictures, options.decode);
  const double sample = schedule.steps() * work.step;
  const double volume = field_points(options) * work.query;
  const double total = work.condition + sample + work.decoder + volume;
  // What is not a network: shares of the whole, as seen on the shipped model.
  return {{"image", 0.005 * total},
          {"condition", work.condition},
          {"sample", sample},
          {"latents", work.decoder},
          {"volume", volume},
          {"surface", 0.02 * total},
          {"mesh", (options.faces > 0 ? 0.1 : 0.02) * total}};
}

void note_work(const RunSizes& run, Metrics& metrics) {
  const NetworkWork work =
      network_work(run.model.config(), run.switches, run.guided, run.pictures, run.decode);
  const models::ShapeModel::WeightCounts weights = run.model.weight_counts();
  const auto size = static_cast<double>(run.bytes_per_weight);
  const auto steps = static_cast<double>(metrics.steps_computed);
  const auto queries = static_cast<double>(metrics.field_queries);
  const double tables = run.switches.modulation_table ? 1 : steps;
  for (StageTime& stage : metrics.stages) {
    const auto set = [&](const char* name, double multiply_adds, double bytes) {
      if (stage.stage != name) return;
      stage.flop = 2 * multiply_adds;
      stage.bytes = bytes;
    };
    set("condition",
        work.condition,
        static_cast<double>(run.pictures) * size * weights.conditioner);
    set("sample", steps * work.step, size * (steps * weights.dit + tables * weights.modulations));
    set("latents", work.decoder, size * weights.vae);
    set("volume", queries * work.query, sizeof(float) * queries);
  }
}

}  // namespace sinter::pipeline
