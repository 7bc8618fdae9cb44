#include "checkpoint/derived_config.h"

#include <algorithm>

#include "checkpoint/component_names.h"
#include "checkpoint/name_scope.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

/// What a header does not tell.
struct Family {
  const char* name;
  std::int64_t num_latents;
  const char* scale_factor;
  std::int64_t picture_size;    // of image_processor
  std::int64_t encoder_input;   // 0: the size that the position table was made for
  bool consistency = false;     // the scheduler of turbo models
  std::int64_t pc_size, sharp;  // surface points of the VAE's encoder
  const char* package = "hy3dgen.shapegen";
};

constexpr const char* kScale20 = "0.9990943042622529";
constexpr const char* kScaleMini = "1.0188137142395404";
constexpr Family kBase = {"Hunyuan3D 2.0", 3072, kScale20, 512, 0, false, 30720, 30720};
constexpr Family kTurbo = {"Hunyuan3D 2.0, distilled", 3072, kScale20, 512, 0, true, 30720, 30720};
constexpr Family kMini = {"Hunyuan3D 2mini", 512, kScaleMini, 512, 0, false, 5120, 5120};
constexpr Family kMiniTurbo = {
    "Hunyuan3D 2mini, distilled", 3072, kScaleMini, 1022, 1022, true, 5120, 5120};
constexpr Family k21 = {
    "Hunyuan3D 2.1", 4096, "1.0039506158752403", 512, 0, false, 81920, 0, "hy3dshape"};
constexpr Family kVaeAlone = {"ShapeVAE", 3072, kScale20, 512, 0, false, 30720, 30720};
constexpr Family kEncoderAlone = {"image encoder", 3072, kScale20, 512, 0, false, 30720, 30720};

constexpr std::int64_t kMiniDoubleBlocks = 8, kMiniSingleBlocks = 16;
/// Channels of an attention head wherever no tensor has one number for each of them.
constexpr std::int64_t kHeadDim = 64;

const char* yes_or_no(bool value) {
  return value ? "true" : "false";
}

std::int64_t divided(std::int64_t a, std::int64_t b) {
  return b == 0 ? 0 : a / b;
}

/// As YAML reads a real number back: 4 is "4.0".
std::string real(std::int64_t a, std::int64_t b) {
  if (b != 0 && a % b == 0) return cat(a / b, ".0");
  return cat(b == 0 ? 0.0 : static_cast<double>(a) / static_cast<double>(b));
}

class Deriver {
 public:
  explicit Deriver(const Checkpoint& checkpoint)
      : dit_(checkpoint, std::string(kTransformerPrefix)),
        vae_(checkpoint, std::string(kVaePrefix)),
        vae_alone_(checkpoint, ""),
        encoder_(checkpoint, std::string(kEncoderPrefix)) {}

  std::optional<DerivedConfig> run() {
    const bool dit20 = dit_.has("latent_in.weight");
    const bool dit21 = !dit20 && dit_.has("x_embedder.weight");
    const bool vae = vae_.has("post_kl.weight");
    const bool vae_alone = vae_alone_.has("post_kl.weight");
    const bool encoder = encoder_.has(kPatches);
    if (!dit20 && !dit21 && !vae && !vae_alone && !encoder) return {};
    family_ = dit20 ? family_of_20() : dit21 ? k21 : (vae || vae_alone) ? kVaeAlone : kEncoderAlone;
    result_.recognised = family_.name;
    if (vae_alone && !dit20 && !dit21 && !vae && !encoder) {
      add_vae(vae_alone_, "");
      return std::move(result_);
    }
    if (dit20) add_dit20();
    if (dit21) add_dit21();
    if (vae) {
      line("vae:");
      add_vae(vae_, "  ");
    }
    if (encoder) add_encoder();
    if (dit20 || dit21) add_pipeline();
    return std::move(result_);
  }

 private:
  static constexpr const char* kPatches = "embeddings.patch_embeddings.projection.weight";

  template <class... Args>
  void line(const Args&... args) {
    result_.yaml += cat(args..., "\n");
  }
  template <class... Args>
  void assume(const Args&... args) {
    result_.assumed.push_back(cat(args...));
  }

  Family family_of_20() const {
    const bool mini = dit_.count("double_blocks") == kMiniDoubleBlocks &&
                      dit_.count("single_blocks") == kMiniSingleBlocks;
    const bool distilled = dit_.has("guidance_in.in_layer.weight");
    return mini ? (distilled ? kMiniTurbo : kMini) : (distilled ? kTurbo : kBase);
  }

  /// Keys of the class Hunyuan3DDiT.
  void add_dit20() {
    const std::int64_t width = dit_.dim("latent_in.weight", 0);
    const std::int64_t depth = dit_.count("double_blocks");
    std::int64_t head = dit_.dim("double_blocks.0.img_attn.norm.query_norm.scale", 0);
    if (depth == 0) head = dit_.dim("single_blocks.0.norm.query_norm.scale", 0);
    const std::int64_t inner = depth > 0 ? dit_.dim("double_blocks.0.img_mlp.0.weight", 0)
                                         : dit_.dim("single_blocks.0.linear2.weight", 1) - width;
    line("model:\n  target: ", family_.package, ".models.Hunyuan3DDiT\n  params:");
    line("    in_channels: ", dit_.dim("latent_in.weight", 1));
    line("    context_in_dim: ", dit_.dim("cond_in.weight", 1));
    line("    hidden_size: ", width);
    line("    mlp_ratio: ", real(inner, width));
    line("    num_heads: ", divided(width, head));
    line("    depth: ", depth);
    line("    depth_single_blocks: ", dit_.count("single_blocks"));
    line("    axes_dim: [", head, "]\n    theta: 10000");
    line("    qkv_bias: ", yes_or_no(depth == 0 || dit_.has("double_blocks.0.img_attn.qkv.bias")));
    line("    guidance_embed: ", yes_or_no(dit_.has("guidance_in.in_layer.weight")));
    assume("single view");
  }

  /// Keys of the class HunYuanDiTPlain. The number of experts that a token is sent to is no shape.
  void add_dit21() {
    const std::int64_t width = dit_.dim("x_embedder.weight", 0);
    const std::int64_t experts_from = dit_.count("blocks") - dit_.count("blocks", "moe.gate.");
    line("model:\n  target: ", family_.package, ".models.denoisers.hunyuandit.HunYuanDiTPlain");
    line("  params:");
    line("    input_size: ", family_.num_latents);
    line("    in_channels: ", dit_.dim("x_embedder.weight", 1));
    line("    hidden_size: ", width);
    line("    context_dim: ", dit_.dim("blocks.0.attn2.to_k.weight", 1));
    line("    depth: ", dit_.count("blocks"));
    line("    num_heads: ", divided(width, dit_.dim("blocks.0.attn1.q_norm.weight", 0)));
    line("    qk_norm: ", yes_or_no(dit_.has("blocks.0.attn1.q_norm.weight")));
    line("    text_len: ", encoder_tokens());
    line("    with_decoupled_ca: false\n    use_attention_pooling: false");
    line("    qk_norm_type: ", dit_.has("blocks.0.attn1.q_norm.bias") ? "layer" : "rms");
    line("    qkv_bias: ", yes_or_no(dit_.has("blocks.0.attn1.to_q.bias")));
    line("    use_pos_emb: false");
    line("    num_moe_layers: ", dit_.count("blocks", "moe.gate."));
    line("    num_experts: ", dit_.dim(cat("blocks.", experts_from, ".moe.gate.weight"), 0));
    line("    moe_top_k: 2");
    assume("moe_top_k 2");
  }

  /// Keys of the class ShapeVAE, each line behind `indent`.
  void add_vae(const NameScope& vae, const char* indent) {
    const std::int64_t width = vae.dim("post_kl.weight", 0);
    const char* norm = "transformer.resblocks.0.attn.attention.q_norm.weight";
    const bool qk_norm = vae.has(norm);
    const std::int64_t point_channels = vae.dim("geo_decoder.query_proj.weight", 1);
    const std::int64_t geo_width = vae.dim("geo_decoder.output_proj.weight", 1);
    line(indent, "target: ", family_.package, ".models.ShapeVAE");
    line(indent, "params:");
    const auto value = [&](const char* key, const auto& what) {
      line(indent, "  ", key, ": ", what);
    };
    value("num_latents", family_.num_latents);
    value("embed_dim", vae.dim("post_kl.weight", 1));
    value("num_freqs", divided(divided(point_channels, 3) - 1, 2));
    value("include_pi", "false");
    value("heads", divided(width, qk_norm ? vae.dim(norm, 0) : kHeadDim));
    value("width", width);
    value("num_decoder_layers", vae.count("transformer.resblocks"));
    value("qkv_bias", yes_or_no(vae.has("transformer.resblocks.0.attn.c_qkv.bias")));
    value("qk_norm", yes_or_no(qk_norm));
    value("scale_factor", family_.scale_factor);
    const char* hidden = "geo_decoder.cross_attn_decoder.mlp.c_fc.weight";
    value("geo_decoder_mlp_expand_ratio", divided(vae.dim(hidden, 0), vae.dim(hidden, 1)));
    value("geo_decoder_downsample_ratio", divided(width, geo_width));
    value("geo_decoder_ln_post", yes_or_no(vae.has("geo_decoder.ln_post.weight")));
    assume("num_latents ", family_.num_latents);
    assume("scale_factor ", family_.scale_factor);
    if (!vae.has("encoder.input_proj.weight")) return;
    value("num_encoder_layers", vae.count("encoder.self_attn.resblocks"));
    value("point_feats", vae.dim("encoder.input_proj.weight", 1) - point_channels);
    value("pc_size", family_.pc_size);
    value("pc_sharpedge_size", family_.sharp);
    value("use_ln_post", yes_or_no(vae.has("encoder.ln_post.weight")));
    assume("pc_size ", family_.pc_size, " + ", family_.sharp);
  }

  std::int64_t encoder_tokens() const { return encoder_.dim("embeddings.position_embeddings", 1); }
  /// Bounded, so that no product overflows.
  std::int64_t patch() const {
    return std::min<std::int64_t>(encoder_.dim(kPatches, 2), std::int64_t{1} << 20);
  }
  /// Side of the pictures that the position table was made for: its entries are a class token and a
  /// square of patches.
  std::int64_t table_size() const {
    std::int64_t side = 0;
    while ((side + 1) * (side + 1) < encoder_tokens() && side < 4096) ++side;
    return side * patch();
  }
  /// Inner width / width. SwiGLU takes two thirds of it, rounded up to a multiple of 8.
  std::int64_t encoder_mlp_ratio() const {
    const std::int64_t width = encoder_.dim(kPatches, 0);
    const std::int64_t plain = encoder_.dim("encoder.layer.0.mlp.fc1.weight", 0);
    if (plain != 0) return divided(plain, width);
    const std::int64_t inner = encoder_.dim("encoder.layer.0.mlp.weights_in.weight", 0) / 2;
    for (std::int64_t ratio = 1; ratio <= 16; ++ratio) {
      if ((width / 3 * 2 * ratio + width % 3 * 2 * ratio / 3 + 7) / 8 * 8 == inner) return ratio;
    }
    return 4;
  }

  void add_encoder() {
    const std::int64_t width = encoder_.dim(kPatches, 0);
    line("conditioner:\n  target: ", family_.package, ".models.SingleImageEncoder");
    line("  params:\n    main_image_encoder:\n      type: DinoImageEncoder");
    line("      kwargs:\n        config:");
    const auto value = [&](const char* key, const auto& what) {
      line("          ", key, ": ", what);
    };
    value("attention_probs_dropout_prob", "0.0");
    value("drop_path_rate", "0.0");
    value("hidden_act", "gelu");
    value("hidden_dropout_prob", "0.0");
    value("hidden_size", width);
    value("image_size", table_size());
    value("initializer_range", "0.02");
    value("layer_norm_eps", "1.e-6");
    value("layerscale_value", "1.0");
    value("mlp_ratio", encoder_mlp_ratio());
    value("model_type", "dinov2");
    value("num_attention_heads", divided(width, kHeadDim));
    value("num_channels", encoder_.dim(kPatches, 1));
    value("num_hidden_layers", encoder_.count("encoder.layer"));
    value("patch_size", patch());
    value("qkv_bias", yes_or_no(encoder_.has("encoder.layer.0.attention.attention.query.bias")));
    value("torch_dtype", "float32");
    value("use_swiglu_ffn", yes_or_no(encoder_.has("encoder.layer.0.mlp.weights_in.weight")));
    const std::int64_t input = family_.encoder_input != 0 ? family_.encoder_input : table_size();
    line("        image_size: ", input);
    assume("encoder image_size ", input);
  }

  void add_pipeline() {
    const char* scheduler = family_.consistency ? "ConsistencyFlowMatchEulerDiscreteScheduler"
                                                : "FlowMatchEulerDiscreteScheduler";
    line("scheduler:\n  target: ", family_.package, ".schedulers.", scheduler);
    line("  params:\n    num_train_timesteps: 1000");
    if (family_.consistency) line("    pcm_timesteps: 100");
    line("image_processor:\n  target: ", family_.package, ".preprocessors.ImageProcessorV2");
    line("  params:\n    size: ", family_.picture_size, "\n    border_ratio: 0.15");
    line("pipeline:\n  target: ", family_.package, ".pipelines.Hunyuan3DDiTFlowMatchingPipeline");
    assume("picture size ", family_.picture_size);
    assume("scheduler ", scheduler);
  }

  NameScope dit_, vae_, vae_alone_, encoder_;
  Family family_ = kBase;
  DerivedConfig result_;
};

}  // namespace

std::optional<DerivedConfig> derive_config(const Checkpoint& checkpoint) {
  return Deriver(checkpoint).run();
}

}  // namespace sinter::checkpoint
