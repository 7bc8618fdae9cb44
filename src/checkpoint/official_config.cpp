#include "checkpoint/official_config.h"

#include <algorithm>
#include <array>

#include "core/error.h"

namespace sinter::checkpoint {

namespace {

constexpr std::array<std::string_view, 10> kVariants = {
    "base", "fast", "turbo", "mini", "mini-fast", "mini-turbo", "mv", "mv-fast", "mv-turbo", "2.1"};

/// What tells one bundle from another.
struct Bundle {
  bool v2_1, mini, multi_view;
  bool distilled;  // the guidance scale is an input
  bool turbo;      // and few steps are enough

  explicit Bundle(std::string_view variant)
      : v2_1(variant == "2.1"),
        mini(variant.starts_with("mini")),
        multi_view(variant.starts_with("mv")),
        distilled(variant.ends_with("fast") || variant.ends_with("turbo")),
        turbo(variant.ends_with("turbo")) {
    if (std::find(kVariants.begin(), kVariants.end(), variant) != kVariants.end()) return;
    std::string names;
    for (const std::string_view name : kVariants) {
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
    fail(
        ErrorCode::invalid_argument, "[model] variant: expected one of ", names, ", got ", variant);
  }

  const char* package() const { return v2_1 ? "hy3dshape" : "hy3dgen.shapegen"; }
  /// The mini bundle for few steps has the latents of base, its FlashVDM VAE those of mini.
  int latents() const { return v2_1 ? 4096 : mini && !turbo ? 512 : 3072; }
  /// And pictures of twice the size.
  bool large_pictures() const { return mini && turbo; }
  const char* scale_factor() const {
    return v2_1 ? "1.0039506158752403" : mini ? "1.0188137142395404" : "0.9990943042622529";
  }
};

std::string transformer(const Bundle& bundle) {
  if (bundle.v2_1) {
    return "  target: hy3dshape.models.denoisers.hunyuandit.HunYuanDiTPlain\n"
           "  params: {input_size: 4096, in_channels: 64, hidden_size: 2048, context_dim: 1024,"
           " depth: 21, num_heads: 16, qk_norm: true, text_len: 1370, with_decoupled_ca: false,"
           " use_attention_pooling: false, qk_norm_type: rms, qkv_bias: false, use_pos_emb: false,"
           " num_moe_layers: 6, num_experts: 8, moe_top_k: 2}\n";
  }
  return cat("  target: ",
             bundle.package(),
             ".models.Hunyuan3DDiT\n"
             "  params: {in_channels: 64, context_in_dim: 1536, hidden_size: 1024, mlp_ratio: 4.0,"
             " num_heads: 16, depth: ",
             bundle.mini ? 8 : 16,
             ", depth_single_blocks: ",
             bundle.mini ? 16 : 32,
             ", axes_dim: [64], theta: 10000, qkv_bias: true",
             bundle.distilled ? ", guidance_embed: true}\n" : "}\n");
}

std::string vae_params(const Bundle& bundle, int latents, std::string_view more) {
  return cat("{num_latents: ",
             latents,
             ", embed_dim: 64, num_freqs: 8, include_pi: false, heads: 16, width: 1024,"
             " num_decoder_layers: 16, qkv_bias: false, qk_norm: true, scale_factor: ",
             bundle.scale_factor(),
             more,
             "}\n");
}

std::string vae(const Bundle& bundle) {
  const char* encoder =
      bundle.v2_1 ? ", num_encoder_layers: 8, point_feats: 4, pc_size: 81920, pc_sharpedge_size: 0"
                  : "";
  return cat("  target: ",
             bundle.package(),
             ".models.ShapeVAE\n  params: ",
             vae_params(bundle, bundle.latents(), encoder));
}

/// DINOv2: giant, for 2.1 large.
std::string encoder(const Bundle& bundle) {
  return cat("  target: ",
             bundle.package(),
             ".models.SingleImageEncoder\n  params:\n    main_image_encoder:\n      type: "
             "DinoImageEncoder",
             bundle.multi_view ? "MV" : "",
             "\n      kwargs:\n        config: {attention_probs_dropout_prob: 0.0, drop_path_rate: "
             "0.0, hidden_act: gelu, hidden_dropout_prob: 0.0, image_size: 518, initializer_range: "
             "0.02, layer_norm_eps: 1.e-6, layerscale_value: 1.0, mlp_ratio: 4, model_type: "
             "dinov2, num_channels: 3, patch_size: 14, qkv_bias: true, torch_dtype: float32, ",
             bundle.v2_1 ? "hidden_size: 1024, num_attention_heads: 16, num_hidden_layers: 24, "
                           "use_swiglu_ffn: false"
                         : "hidden_size: 1536, num_attention_heads: 24, num_hidden_layers: 40, "
                           "use_swiglu_ffn: true",
             "}\n        image_size: ",
             bundle.large_pictures() ? 1022 : 518,
             "\n");
}

}  // namespace

std::span<const std::string_view> official_variants() {
  return kVariants;
}

std::string official_config(std::string_view variant) {
  const Bundle bundle(variant);
  return cat("model:\n",
             transformer(bundle),
             "vae:\n",
             vae(bundle),
             "conditioner:\n",
             encoder(bundle),
             "scheduler:\n  target: ",
             bundle.package(),
             ".schedulers.",
             bundle.turbo ? "Consistency" : "",
             "FlowMatchEulerDiscreteScheduler\n  params: {num_train_timesteps: 1000",
             bundle.turbo ? ", pcm_timesteps: 100" : "",
             "}\nimage_processor:\n  target: ",
             bundle.package(),
             ".preprocessors.",
             bundle.multi_view ? "MV" : "",
             "ImageProcessorV2\n  params: {size: ",
             bundle.large_pictures() ? 1022 : 512,
             ", border_ratio: 0.15}\npipeline:\n  target: ",
             bundle.package(),
             ".pipelines.Hunyuan3DDiTFlowMatchingPipeline\n");
}

std::string official_fast_vae(std::string_view variant) {
  const Bundle bundle(variant);
  if (!bundle.turbo) return {};
  return cat("target: hy3dgen.shapegen.models.ShapeVAE\nparams: ",
             vae_params(bundle,
                        bundle.mini ? 512 : 3072,
                        ", geo_decoder_mlp_expand_ratio: 1, geo_decoder_downsample_ratio: 2,"
                        " geo_decoder_ln_post: false"));
}

}  // namespace sinter::checkpoint
