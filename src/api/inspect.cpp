#include "checkpoint/inspect.h"

#include "checkpoint/config.h"
#include "checkpoint/model_source.h"
#include "core/error.h"
#include "pipeline/sampling_settings.h"
#include "sinter/inspect.h"

namespace sinter {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string dtype_list(const std::vector<DType>& dtypes) {
  std::string text;
  for (const DType dtype : dtypes) {
    if (!text.empty()) text += ", ";
    text += to_string(dtype);
  }
  return text;
}

void add(Pairs& pairs, const char* name, std::int64_t value) {
  if (value != 0) pairs.emplace_back(name, std::to_string(value));
}

void add(Pairs& pairs, const char* name, bool value) {
  pairs.emplace_back(name, value ? "yes" : "no");
}

void describe(const checkpoint::TransformerFacts& facts, Pairs& pairs) {
  add(pairs, "DiT hidden size", facts.width);
  add(pairs, "DiT heads", facts.heads);
  add(pairs, "DiT double blocks", facts.double_blocks);
  add(pairs, "DiT single blocks", facts.single_blocks);
  add(pairs, "DiT blocks", facts.blocks);
  add(pairs, "DiT blocks with experts", facts.mixture_blocks);
  add(pairs, "DiT experts", facts.experts);
  add(pairs, "DiT context width", facts.context_width);
  add(pairs, "latent channels", facts.latent_channels);
  add(pairs, "guidance embedder", facts.guidance_embedder);
}

void describe(const checkpoint::VaeFacts& facts, Pairs& pairs) {
  add(pairs, "VAE width", facts.width);
  add(pairs, "VAE heads", facts.heads);
  add(pairs, "VAE decoder blocks", facts.decoder_blocks);
  add(pairs, "VAE encoder blocks", facts.encoder_blocks);
  add(pairs, "geometry decoder width", facts.geo_width);
  add(pairs, "geometry decoder MLP ratio", facts.geo_mlp_ratio);
}

void describe(const checkpoint::ImageEncoderFacts& facts, Pairs& pairs) {
  add(pairs, "image encoder width", facts.width);
  add(pairs, "image encoder layers", facts.layers);
  add(pairs, "image encoder heads", facts.heads);
  add(pairs, "image encoder patch", facts.patch);
  add(pairs, "image encoder tokens", facts.tokens);
  pairs.emplace_back("image encoder MLP", facts.swiglu ? "SwiGLU" : "GELU");
}

void describe(const checkpoint::ConfigFacts& facts, Pairs& pairs) {
  if (facts.num_latents) add(pairs, "latent tokens", *facts.num_latents);
  if (facts.scale_factor) pairs.emplace_back("latent scale factor", cat(*facts.scale_factor));
  if (facts.processor_image_size) add(pairs, "picture size", *facts.processor_image_size);
  if (facts.image_size) add(pairs, "image encoder input", *facts.image_size);
  if (!facts.conditioner_class.empty())
    pairs.emplace_back("views", facts.multi_view ? cat("1 to ", facts.views) : "1");
  if (!facts.scheduler_class.empty()) pairs.emplace_back("scheduler", facts.scheduler_class);
}

/// What generate() takes where nothing is asked for.
void describe_defaults(const checkpoint::ModelFacts& facts,
                       const checkpoint::ConfigNode& config,
                       Pairs& pairs) {
  if (!facts.transformer || !config.has("scheduler")) return;
  const auto settings =
      pipeline::default_settings(sampling::SchedulerConfig::from(config.child("scheduler")).kind,
                                 facts.transformer->guidance_embedder);
  add(pairs, "default steps", std::int64_t{settings.steps});
  pairs.emplace_back("default guidance", cat(settings.guidance));
}

}  // namespace

ModelInfo inspect_model(const std::string& model,
                        const std::string& variant,
                        const std::string& config) {
  const checkpoint::ModelSource source =
      checkpoint::open_model({model, checkpoint::parse_variant(variant), config});
  const checkpoint::ModelFacts facts = checkpoint::inspect(source.checkpoint, source.config);

  ModelInfo info;
  info.path = source.checkpoint.path();
  info.notes = source.notes;
  info.family = facts.family;
  info.variant = facts.variant.empty() ? "unknown" : facts.variant;
  if (facts.transformer) describe(*facts.transformer, info.sizes);
  if (facts.vae) describe(*facts.vae, info.sizes);
  if (facts.image_encoder) describe(*facts.image_encoder, info.sizes);
  if (facts.config) describe(*facts.config, info.sizes);
  describe_defaults(facts, source.config, info.sizes);
  for (const checkpoint::ComponentFacts& component : facts.components) {
    info.components.push_back({component.prefix,
                               static_cast<std::int64_t>(component.tensors),
                               static_cast<std::int64_t>(component.parameters),
                               component.bytes,
                               dtype_list(component.dtypes)});
  }
  info.missing = facts.missing;
  info.tensors = static_cast<std::int64_t>(facts.tensors);
  info.parameters = static_cast<std::int64_t>(facts.parameters);
  info.bytes = facts.bytes;
  return info;
}

}  // namespace sinter
