#include "checkpoint/inspect.h"

#include <algorithm>

#include "checkpoint/name_scope.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

// Released forms, for giving a variant its name; nothing else depends on these numbers.
constexpr std::int64_t kReleasedWidth = 1024;
constexpr std::int64_t kBaseDoubleBlocks = 16;
constexpr std::int64_t kBaseSingleBlocks = 32;
constexpr std::int64_t kMiniDoubleBlocks = 8;
constexpr std::int64_t kMiniSingleBlocks = 16;
constexpr std::int64_t kReleasedWidth21 = 2048;
constexpr std::int64_t kReleasedBlocks21 = 21;
constexpr std::int64_t kMiniLatents = 512;
constexpr std::int64_t kReleasedViews = 4;

std::int64_t divided(std::int64_t a, std::int64_t b) {
  return b == 0 ? 0 : a / b;
}

std::optional<TransformerFacts> transformer_facts(const NameScope& scope) {
  TransformerFacts facts;
  if (scope.has("latent_in.weight")) {
    facts.width = scope.dim("latent_in.weight", 0);
    facts.latent_channels = scope.dim("latent_in.weight", 1);
    facts.double_blocks = scope.count("double_blocks");
    facts.single_blocks = scope.count("single_blocks");
    facts.context_width = scope.dim("cond_in.weight", 1);
    const char* norm = "double_blocks.0.img_attn.norm.query_norm.scale";
    const char* single_norm = "single_blocks.0.norm.query_norm.scale";
    facts.heads = divided(facts.width, scope.dim(scope.has(norm) ? norm : single_norm, 0));
    facts.guidance_embedder = scope.has("guidance_in.in_layer.weight");
    return facts;
  }
  if (scope.has("x_embedder.weight")) {
    facts.width = scope.dim("x_embedder.weight", 0);
    facts.latent_channels = scope.dim("x_embedder.weight", 1);
    facts.blocks = scope.count("blocks");
    for (std::int64_t i = 0; i < facts.blocks; ++i) {
      const std::string gate = cat("blocks.", i, ".moe.gate.weight");
      if (!scope.has(gate)) continue;
      ++facts.mixture_blocks;
      facts.experts = scope.dim(gate, 0);
    }
    facts.context_width = scope.dim("blocks.0.attn2.to_k.weight", 1);
    facts.heads = divided(facts.width, scope.dim("blocks.0.attn1.q_norm.weight", 0));
    return facts;
  }
  return std::nullopt;
}

std::optional<VaeFacts> vae_facts(const NameScope& scope) {
  if (!scope.has("post_kl.weight")) return std::nullopt;
  VaeFacts facts;
  facts.width = scope.dim("post_kl.weight", 0);
  facts.latent_channels = scope.dim("post_kl.weight", 1);
  facts.decoder_blocks = scope.count("transformer.resblocks");
  const char* norm = "transformer.resblocks.0.attn.attention.q_norm.weight";
  facts.heads = divided(facts.width, scope.dim(norm, 0));
  facts.geo_width = scope.dim("geo_decoder.output_proj.weight", 1);
  const char* hidden = "geo_decoder.cross_attn_decoder.mlp.c_fc.weight";
  facts.geo_mlp_ratio = divided(scope.dim(hidden, 0), scope.dim(hidden, 1));
  facts.geo_ln_post = scope.has("geo_decoder.ln_post.weight");
  facts.geo_qk_norm = scope.has("geo_decoder.cross_attn_decoder.attn.attention.q_norm.weight");
  facts.has_encoder = scope.has("encoder.input_proj.weight") && scope.has("pre_kl.weight");
  facts.encoder_blocks = scope.count("encoder.self_attn.resblocks");
  return facts;
}

std::optional<ImageEncoderFacts> encoder_facts(const NameScope& scope, const ConfigNode& config) {
  const char* patches = "embeddings.patch_embeddings.projection.weight";
  if (!scope.has(patches)) return std::nullopt;
  ImageEncoderFacts facts;
  facts.width = scope.dim(patches, 0);
  facts.patch = scope.dim(patches, 2);
  facts.tokens = scope.dim("embeddings.position_embeddings", 1);
  facts.layers = scope.count("encoder.layer");
  facts.swiglu = scope.has("encoder.layer.0.mlp.weights_in.weight");
  facts.heads = config.get<std::int64_t>("num_attention_heads", 0);
  return facts;
}

std::string class_of(const ConfigNode& node) {
  return node.has("target") ? node.target() : "";
}

template <class T>
std::optional<T> optional_value(const ConfigNode& node, std::string_view key) {
  if (!node.has(key)) return std::nullopt;
  return node.required<T>(key);
}

ConfigNode main_encoder(const ConfigNode& config) {
  return config.find("conditioner").find("params").find("main_image_encoder");
}

ConfigFacts config_facts(const ConfigNode& config) {
  ConfigFacts facts;
  const bool bundle = config.has("model") || config.has("vae");
  const ConfigNode vae = bundle ? config.find("vae") : config;
  facts.num_latents = optional_value<std::int64_t>(vae.find("params"), "num_latents");
  facts.scale_factor = optional_value<double>(vae.find("params"), "scale_factor");
  facts.image_size =
      optional_value<std::int64_t>(main_encoder(config).find("kwargs"), "image_size");
  const ConfigNode encoder = main_encoder(config);
  if (encoder.get("type", "").ends_with("MV")) {
    facts.multi_view = true;
    facts.views = encoder.find("kwargs").get("view_num", kReleasedViews);
  }
  facts.processor_image_size =
      optional_value<std::int64_t>(config.find("image_processor").find("params"), "size");
  facts.model_class = class_of(config.find("model"));
  facts.vae_class = class_of(vae);
  facts.conditioner_class = class_of(config.find("conditioner"));
  facts.scheduler_class = class_of(config.find("scheduler"));
  facts.processor_class = class_of(config.find("image_processor"));
  return facts;
}

/// "base", "mini-turbo", "mv-fast", ...: depth names the size, the conditioner tells several views,
/// the guidance embedder a distilled model, its scheduler which kind.
std::string variant_of(const TransformerFacts& facts, const std::optional<ConfigFacts>& config) {
  const auto depth = std::pair(facts.double_blocks, facts.single_blocks);
  std::string size;
  if (facts.width == kReleasedWidth && depth == std::pair(kMiniDoubleBlocks, kMiniSingleBlocks)) {
    size = "mini";
  } else if (facts.width != kReleasedWidth ||
             depth != std::pair(kBaseDoubleBlocks, kBaseSingleBlocks)) {
    size = "custom size";
  }
  if (config && config->multi_view) size += size.empty() ? "mv" : "-mv";
  if (!facts.guidance_embedder) return size.empty() ? "base" : size;
  const std::string scheduler = config ? config->scheduler_class : "";
  const char* kind = scheduler.empty()                                 ? "distilled"
                     : scheduler.find("Consistency") != scheduler.npos ? "turbo"
                                                                       : "fast";
  return size.empty() ? kind : size + "-" + kind;
}

/// "decoder", "mini turbo decoder", "encoder and decoder", ...
std::string variant_of(const VaeFacts& facts, const std::optional<ConfigFacts>& config) {
  const bool mini = config && config->num_latents == kMiniLatents;
  const bool turbo = facts.geo_width > 0 && facts.geo_width < facts.width;
  return cat(mini ? "mini " : "",
             turbo ? "turbo " : "",
             facts.has_encoder ? "encoder and decoder" : "decoder");
}

std::string kind_of(const NameScope& scope) {
  if (scope.has("latent_in.weight") || scope.has("x_embedder.weight")) return "shape transformer";
  if (scope.has("post_kl.weight")) return "shape VAE";
  if (scope.has("main_image_encoder.model.embeddings.cls_token")) return "image encoder";
  return "unknown";
}

/// One component per distinct text before the first dot; a stand-alone VAE, whose keys have no
/// component, is one as a whole.
std::vector<ComponentFacts> component_facts(const Checkpoint& checkpoint) {
  std::vector<ComponentFacts> components;
  const bool stand_alone = checkpoint.find("post_kl.weight") != nullptr;
  for (const TensorEntry& entry : checkpoint.entries()) {
    const std::size_t dot = stand_alone ? std::string::npos : entry.name.find('.');
    const std::string prefix = dot == std::string::npos ? "" : entry.name.substr(0, dot);
    auto it = std::find_if(components.begin(), components.end(), [&](const ComponentFacts& known) {
      return known.prefix == prefix;
    });
    if (it == components.end()) {
      ComponentFacts component;
      component.prefix = prefix;
      component.kind = kind_of(NameScope(checkpoint, prefix.empty() ? "" : prefix + "."));
      it = components.insert(components.end(), std::move(component));
    }
    ++it->tensors;
    it->parameters += entry.elements();
    it->bytes += entry.byte_count();
    const auto place = std::lower_bound(it->dtypes.begin(), it->dtypes.end(), entry.dtype);
    if (place == it->dtypes.end() || *place != entry.dtype) it->dtypes.insert(place, entry.dtype);
  }
  return components;
}

std::vector<std::string> missing_of(const ModelFacts& facts) {
  std::vector<std::string> missing;
  const auto note = [&](bool absent, const char* sentence) {
    if (absent) missing.emplace_back(sentence);
  };
  note(!facts.image_encoder, "image encoder: absent, so images cannot be turned into shapes");
  note(!facts.transformer, "shape transformer: absent, so shapes cannot be generated");
  note(!facts.vae, "shape VAE: absent, so latents cannot be decoded into meshes");
  note(facts.vae && !facts.vae->has_encoder,
       "VAE encoder: absent, so meshes cannot be encoded into latents");
  note(!facts.config,
       "config.yaml: absent, so latent count, scale factor and image size are unknown");
  if (facts.config) {
    note(!facts.config->num_latents,
         "num_latents: not in config.yaml, so the latent count is unknown");
  }
  return missing;
}

}  // namespace

ModelFacts inspect(const Checkpoint& checkpoint, const ConfigNode& config) {
  ModelFacts facts;
  facts.components = component_facts(checkpoint);
  facts.tensors = checkpoint.entries().size();
  facts.parameters = checkpoint.total_elements();
  facts.bytes = checkpoint.total_bytes();
  facts.dtypes = checkpoint.dtypes();

  const bool stand_alone_vae = checkpoint.find("post_kl.weight") != nullptr;
  const ConfigNode encoder = main_encoder(config);
  facts.transformer = transformer_facts(NameScope(checkpoint, "model."));
  facts.vae = vae_facts(NameScope(checkpoint, stand_alone_vae ? "" : "vae."));
  facts.image_encoder =
      encoder_facts(NameScope(checkpoint, "conditioner.main_image_encoder.model."),
                    encoder.find("kwargs").find("config"));
  if (config.defined()) facts.config = config_facts(config);

  facts.family = "unknown";
  if (facts.transformer && facts.transformer->blocks > 0) {
    facts.family = "Hunyuan3D 2.1";
    const bool released = facts.transformer->width == kReleasedWidth21 &&
                          facts.transformer->blocks == kReleasedBlocks21;
    facts.variant = released ? "base" : "custom size";
  } else if (facts.transformer) {
    facts.family = "Hunyuan3D 2.0";
    facts.variant = variant_of(*facts.transformer, facts.config);
  } else if (facts.vae) {
    facts.family = "ShapeVAE";
    facts.variant = variant_of(*facts.vae, facts.config);
  }
  facts.missing = missing_of(facts);
  return facts;
}

}  // namespace sinter::checkpoint
