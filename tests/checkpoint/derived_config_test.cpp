#include "checkpoint/derived_config.h"

#include <gtest/gtest.h>

#include "checkpoint/component_names.h"
#include "checkpoint/config.h"
#include "checkpoint/key_list.h"
#include "support.h"

namespace sinter::checkpoint {
namespace {

Checkpoint outline(const std::string& list) {
  const std::string path = cat(SINTER_SOURCE_DIR, "/tests/checkpoint/keys/", list, ".txt");
  return Checkpoint::outline(read_key_list(path), list);
}

// The published config.yaml of each family, with the values that the class reads.

std::string published_vae(const std::string& values, const std::string& extra = "") {
  return "{target: hy3dgen.shapegen.models.ShapeVAE, params: {embed_dim: 64, num_freqs: 8, "
         "include_pi: false, heads: 16, width: 1024, num_decoder_layers: 16, qkv_bias: false, "
         "qk_norm: true, " +
         values + extra + "}}\n";
}

std::string published_encoder(const std::string& sizes, int input) {
  return "conditioner: {target: m.SingleImageEncoder, params: {main_image_encoder: {type: "
         "DinoImageEncoder, kwargs: {config: {attention_probs_dropout_prob: 0.0, drop_path_rate: "
         "0.0, hidden_act: gelu, hidden_dropout_prob: 0.0, image_size: 518, initializer_range: "
         "0.02, layer_norm_eps: 1.e-6, layerscale_value: 1.0, mlp_ratio: 4, model_type: dinov2, "
         "num_channels: 3, patch_size: 14, qkv_bias: true, torch_dtype: float32, " +
         sizes + "}, image_size: " + std::to_string(input) + "}}}}\n";
}

std::string published_pipeline(bool turbo, int picture) {
  return cat("scheduler: {target: s.",
             turbo ? "Consistency" : "",
             "FlowMatchEulerDiscreteScheduler, params: {num_train_timesteps: 1000",
             turbo ? ", pcm_timesteps: 100" : "",
             "}}\nimage_processor: {target: p.ImageProcessorV2, params: {size: ",
             picture,
             ", border_ratio: 0.15}}\npipeline: {target: "
             "p.Hunyuan3DDiTFlowMatchingPipeline}\n");
}

std::string published_20(const char* depth, bool turbo, const char* vae, int input, int picture) {
  return cat(
      "model: {target: m.Hunyuan3DDiT, params: {in_channels: 64, context_in_dim: 1536, "
      "hidden_size: 1024, mlp_ratio: 4.0, num_heads: 16, axes_dim: [64], theta: 10000, "
      "qkv_bias: true, guidance_embed: ",
      turbo ? "true" : "false",
      ", ",
      depth,
      "}}\nvae: ",
      published_vae(vae),
      published_encoder("hidden_size: 1536, num_attention_heads: 24, num_hidden_layers: 40, "
                        "use_swiglu_ffn: true",
                        input),
      published_pipeline(turbo, picture));
}

std::string published_21() {
  return cat(
      "model: {target: m.HunYuanDiTPlain, params: {input_size: 4096, in_channels: 64, "
      "hidden_size: 2048, context_dim: 1024, depth: 21, num_heads: 16, qk_norm: true, "
      "text_len: 1370, with_decoupled_ca: false, use_attention_pooling: false, "
      "qk_norm_type: 'rms', qkv_bias: false, use_pos_emb: false, num_moe_layers: 6, "
      "num_experts: 8, moe_top_k: 2}}\nvae: ",
      published_vae("num_latents: 4096, scale_factor: 1.0039506158752403, "
                    "num_encoder_layers: 8, geo_decoder_mlp_expand_ratio: 4, "
                    "geo_decoder_downsample_ratio: 1, geo_decoder_ln_post: true, "
                    "point_feats: 4, pc_size: 81920, pc_sharpedge_size: 0"),
      published_encoder("hidden_size: 1024, num_attention_heads: 16, num_hidden_layers: 24, "
                        "use_swiglu_ffn: false",
                        518),
      published_pipeline(false, 512));
}

/// A scalar as text; class paths by their last component, as every reader takes them.
std::string text_of(const ConfigNode& parent, const std::string& key) {
  if (key == "target") return parent.target();
  const std::string yaml = parent.child(key).to_yaml();
  return yaml.find('.') == yaml.npos ? yaml : cat(parent.get<double>(key, 0), "\n");
}

/// Everything that the published configuration says is said alike.
void expect_covers(const ConfigNode& published, const ConfigNode& derived) {
  for (const std::string& key : published.keys()) {
    const std::string place = cat(published.path(), ".", key);
    ASSERT_TRUE(derived.has(key)) << place;
    const ConfigNode value = published.child(key);
    if (value.is_mapping()) {
      expect_covers(value, derived.child(key));
    } else if (key == "type" || key == "layer_norm_eps" || value.is_list()) {
      EXPECT_EQ(value.to_yaml(), derived.child(key).to_yaml()) << place;
    } else {
      EXPECT_EQ(text_of(published, key), text_of(derived, key)) << place;
    }
  }
}

constexpr const char* kBig = "depth: 16, depth_single_blocks: 32";
constexpr const char* kMini = "depth: 8, depth_single_blocks: 16";
constexpr const char* kVae20 = "num_latents: 3072, scale_factor: 0.9990943042622529";

// One published model a key list: the one whose values are assumed.
TEST(DerivedConfig, EqualsThePublishedOne) {
  const std::string turbo_vae =
      "geo_decoder_mlp_expand_ratio: 1, geo_decoder_downsample_ratio: 2, geo_decoder_ln_post: "
      "false";
  const std::string encoder =
      "num_encoder_layers: 8, point_feats: 4, pc_size: 30720, pc_sharpedge_size: 30720";
  struct Case {
    std::string list, published, recognised;
  };
  for (const Case& c : {
           Case{"v2-0", published_20(kBig, false, kVae20, 518, 512), "Hunyuan3D 2.0"},
           Case{"v2-0-turbo",
                published_20(kBig, true, kVae20, 518, 512),
                "Hunyuan3D 2.0, distilled"},
           Case{"v2-mini",
                published_20(
                    kMini, false, "num_latents: 512, scale_factor: 1.0188137142395404", 518, 512),
                "Hunyuan3D 2mini"},
           Case{"v2-mini-turbo",
                published_20(
                    kMini, true, "num_latents: 3072, scale_factor: 1.0188137142395404", 1022, 1022),
                "Hunyuan3D 2mini, distilled"},
           Case{"v2-1", published_21(), "Hunyuan3D 2.1"},
           Case{"vae-v2-0", published_vae(kVae20), "ShapeVAE"},
           Case{"vae-v2-mini-turbo", published_vae(kVae20, ", " + turbo_vae), "ShapeVAE"},
           Case{"vae-v2-0-withencoder", published_vae(kVae20, ", " + encoder), "ShapeVAE"},
       }) {
    SCOPED_TRACE(c.list);
    const auto derived = derive_config(outline(c.list));
    ASSERT_TRUE(derived);
    EXPECT_EQ(derived->recognised, c.recognised);
    expect_covers(ConfigNode::parse(c.published, "published"),
                  ConfigNode::parse(derived->yaml, "derived"));
  }
}

TEST(DerivedConfig, NamesWhatItAssumes) {
  EXPECT_EQ(derive_config(outline("v2-mini-turbo"))->assumed,
            (std::vector<std::string>{"single view",
                                      "num_latents 3072",
                                      "scale_factor 1.0188137142395404",
                                      "encoder image_size 1022",
                                      "picture size 1022",
                                      "scheduler ConsistencyFlowMatchEulerDiscreteScheduler"}));
  EXPECT_EQ(derive_config(outline("vae-v2-0"))->assumed,
            (std::vector<std::string>{"num_latents 3072", "scale_factor 0.9990943042622529"}));
}

// A network that a file lacks has no section.
TEST(DerivedConfig, PartsOfABundle) {
  const Checkpoint whole = outline("v2-0");
  const auto without = [&](std::string_view prefix) {
    std::vector<TensorEntry> entries;
    for (const TensorEntry& entry : whole.entries()) {
      if (!entry.name.starts_with(prefix)) entries.push_back(entry);
    }
    return ConfigNode::parse(derive_config(Checkpoint::outline(entries, "part"))->yaml, "part");
  };
  EXPECT_FALSE(without(kTransformerPrefix).has("model"));
  EXPECT_FALSE(without(kTransformerPrefix).has("scheduler"));
  EXPECT_TRUE(without(kTransformerPrefix).has("vae"));
  EXPECT_FALSE(without(kVaePrefix).has("vae"));
  EXPECT_FALSE(without(kEncoderPrefix).has("conditioner"));
  EXPECT_TRUE(without(kEncoderPrefix).has("model"));
}

TEST(DerivedConfig, NothingKnown) {
  EXPECT_FALSE(derive_config(Checkpoint::outline({}, "empty")));
  EXPECT_FALSE(derive_config(Checkpoint::outline({{"w", DType::f32, {2}, {}, 0}}, "other")));
}

// Whatever the shapes, the text is a configuration: no division by zero, no overflow.
TEST(DerivedConfig, AnyShapes) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 59;
  const std::vector<Shape> shapes = {
      {}, {0}, {1}, {0, 0}, {1, kHuge}, {kHuge, 1}, {1, 1, kHuge, 1}, {3, 3, 0, 3}};
  const std::vector<std::string> names = {
      "model.latent_in.weight",
      "model.cond_in.weight",
      "model.double_blocks.0.img_attn.norm.query_norm.scale",
      "model.double_blocks.0.img_mlp.0.weight",
      "vae.post_kl.weight",
      "vae.geo_decoder.query_proj.weight",
      "vae.geo_decoder.output_proj.weight",
      "vae.geo_decoder.cross_attn_decoder.mlp.c_fc.weight",
      "vae.encoder.input_proj.weight",
      "vae.transformer.resblocks.0.attn.attention.q_norm.weight",
      "conditioner.main_image_encoder.model.embeddings.patch_embeddings.projection.weight",
      "conditioner.main_image_encoder.model.embeddings.position_embeddings",
      "conditioner.main_image_encoder.model.encoder.layer.0.mlp.weights_in.weight"};
  for (std::size_t shift = 0; shift < shapes.size(); ++shift) {
    std::vector<TensorEntry> entries;
    for (std::size_t i = 0; i < names.size(); ++i) {
      entries.push_back({names[i], DType::f16, shapes[(i * 5 + shift) % shapes.size()], {}, 0});
    }
    const auto derived = derive_config(Checkpoint::outline(entries, "odd"));
    ASSERT_TRUE(derived);
    EXPECT_NO_THROW(ConfigNode::parse(derived->yaml, "odd")) << derived->yaml;
  }
}

}  // namespace
}  // namespace sinter::checkpoint
