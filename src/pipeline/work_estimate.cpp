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

double field_work(const models::ShapeVaeConfig& vae, const GenerateOptions& options) {
  const bool few = options.decode == Decode::flashvdm;
  const std::int64_t keys = few ? models::kept_keys(vae.num_latents) : vae.num_latents;
  return field_points(options) * field_query(vae, keys);
}

}  // namespace

std::vector<PlannedStage> plan_stages(const models::ShapeModelConfig& config,
                                      const Switches& switches,
                                      const sampling::Schedule& schedule,
                                      bool guided,
                                      std::int64_t pictures,
                                      const GenerateOptions& options) {
  const auto views = static_cast<double>(pictures);
  const auto each = static_cast<double>(config.conditioner.tokens());
  const double context = views * each;
  const auto latents = static_cast<double>(config.vae.num_latents);
  const models::Dinov2Config& backbone = config.conditioner.backbone;
  const int steps = sampling::evaluated_steps(schedule, switches);
  const Halves halves = std::visit(
      [&](const auto& dit) { return dit_step(dit, latents, context, switches); }, config.dit);
  const double step = halves.conditional + (guided ? halves.unconditional : 0);
  const double condition = views * static_cast<double>(backbone.layers) *
                           transformer_block(each, static_cast<double>(backbone.width));
  const double decoder = static_cast<double>(config.vae.decoder_layers) *
                         transformer_block(latents, static_cast<double>(config.vae.width));
  const double volume = field_work(config.vae, options);
  const double total = condition + steps * step + decoder + volume;
  // What is not a network: shares of the whole, as seen on the shipped model.
  return {{"image", 0.005 * total},
          {"condition", condition},
          {"sample", steps * step},
          {"latents", decoder},
          {"volume", volume},
          {"surface", 0.02 * total},
          {"mesh", (options.faces > 0 ? 0.1 : 0.02) * total}};
}

}  // namespace sinter::pipeline
