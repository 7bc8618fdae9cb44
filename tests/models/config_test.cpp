// Reading and refusing config.yaml.

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "core/error.h"
#include "models/golden.h"
#include "models/shape_model.h"

namespace sinter::models {
namespace {

ShapeModelConfig parse(const std::string& text) {
  return ShapeModelConfig::from(checkpoint::ConfigNode::parse(text, "config.yaml"));
}

/// A released configuration.
ShapeModelConfig released(const std::string& folder) {
  return parse(released_config(folder));
}

/// The base configuration with the first `from` replaced.
std::string edited(const std::string& from, const std::string& to) {
  std::string text = released_config("hunyuan3d-dit-v2-0");
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void expect_error(const std::string& text, ErrorCode code, const std::string& part) {
  try {
    parse(text);
    ADD_FAILURE() << "accepted; expected an error about " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(error.message().find(part), std::string::npos) << error.what();
    EXPECT_NE(error.message().find("config.yaml"), std::string::npos) << error.what();
  }
}

TEST(ShapeModelConfig, ReadsTheBaseBundle) {
  const ShapeModelConfig c = released("hunyuan3d-dit-v2-0");
  const auto& dit = std::get<Hunyuan3DDitConfig>(c.dit);
  EXPECT_EQ(dit.in_channels, 64);
  EXPECT_EQ(dit.context_width, 1536);
  EXPECT_EQ(dit.width, 1024);
  EXPECT_EQ(dit.inner, 4096);
  EXPECT_EQ(dit.heads, 16);
  EXPECT_EQ(dit.double_blocks, 16);
  EXPECT_EQ(dit.single_blocks, 32);
  EXPECT_TRUE(dit.qkv_bias);
  EXPECT_FALSE(dit.guidance_embed);
  EXPECT_EQ(dit.time_factor, 1000.0F);
  EXPECT_EQ(c.vae.num_latents, 3072);
  EXPECT_EQ(c.vae.embed_dim, 64);
  EXPECT_EQ(c.vae.decoder_layers, 16);
  EXPECT_FALSE(c.vae.include_pi);
  EXPECT_FALSE(c.vae.qkv_bias);
  EXPECT_TRUE(c.vae.qk_norm);
  EXPECT_DOUBLE_EQ(c.vae.scale_factor, 0.9990943042622529);
  EXPECT_EQ(c.vae.geo_block().width, 1024);
  EXPECT_TRUE(c.vae.geo_block().qk_norm);
  EXPECT_EQ(c.conditioner.image_size, 518);
  EXPECT_EQ(c.conditioner.tokens(), 1370);
  EXPECT_EQ(c.conditioner.backbone.layers, 40);
  EXPECT_TRUE(c.conditioner.backbone.swiglu);
  EXPECT_EQ(c.conditioner.backbone.inner(), 4096);
  EXPECT_FLOAT_EQ(c.conditioner.backbone.norm_eps, 1e-6F);
  EXPECT_FALSE(c.conditioner.multi_view());
}

TEST(ShapeModelConfig, ReadsTheMultiViewBundle) {
  const ShapeModelConfig c = released("hunyuan3d-dit-v2-mv");
  EXPECT_TRUE(c.conditioner.multi_view());
  EXPECT_EQ(c.conditioner.views, 4);
  EXPECT_EQ(c.conditioner.tokens(), 1370);
  const auto three = parse(edited("type: DinoImageEncoder\n      kwargs:",
                                  "type: DinoImageEncoderMV\n      kwargs:\n        view_num: 3"));
  EXPECT_EQ(three.conditioner.views, 3);
}

TEST(ShapeModelConfig, ReadsTheMiniTurboBundle) {
  const ShapeModelConfig c = released("hunyuan3d-dit-v2-mini-turbo");
  EXPECT_EQ(c.conditioner.image_size, 1022);
  EXPECT_EQ(c.conditioner.tokens(), 5330);
  EXPECT_EQ(c.conditioner.backbone.grid(), 37);
  EXPECT_EQ(c.vae.num_latents, 3072);
  EXPECT_DOUBLE_EQ(c.vae.scale_factor, 1.0188137142395404);
  EXPECT_EQ(std::get<Hunyuan3DDitConfig>(c.dit).double_blocks, 8);
  EXPECT_EQ(std::get<Hunyuan3DDitConfig>(c.dit).single_blocks, 16);
  EXPECT_TRUE(c.guidance_embed());
}

TEST(ShapeModelConfig, ReadsThe21Bundle) {
  const ShapeModelConfig c = released("hunyuan3d-dit-v2-1");
  const auto& dit = std::get<HunyuanDitPlainConfig>(c.dit);
  EXPECT_EQ(dit.in_channels, 64);
  EXPECT_EQ(dit.context_width, 1024);
  EXPECT_EQ(dit.width, 2048);
  EXPECT_EQ(dit.inner(), 8192);
  EXPECT_EQ(dit.heads, 16);
  EXPECT_EQ(dit.head_dim(), 128);
  EXPECT_EQ(dit.depth, 21);
  EXPECT_EQ(dit.experts, 8);
  EXPECT_EQ(dit.top_k, 2);
  EXPECT_EQ(dit.skip_source(10), -1);
  EXPECT_EQ(dit.skip_source(11), 9);
  EXPECT_EQ(dit.skip_source(20), 0);
  EXPECT_FALSE(dit.is_mixture(14));
  EXPECT_TRUE(dit.is_mixture(15));
  EXPECT_FALSE(c.guidance_embed());
  EXPECT_EQ(c.vae.num_latents, 4096);
  EXPECT_EQ(c.vae.pc_size, 81920);
  EXPECT_EQ(c.vae.pc_sharpedge_size, 0);
  EXPECT_EQ(c.vae.point_feats, 4);
  EXPECT_DOUBLE_EQ(c.vae.scale_factor, 1.0039506158752403);
  EXPECT_EQ(c.conditioner.backbone.width, 1024);
  EXPECT_EQ(c.conditioner.backbone.layers, 24);
  EXPECT_FALSE(c.conditioner.backbone.swiglu);
  EXPECT_EQ(c.conditioner.tokens(), 1370);
}

// Last in, first out, for an even number of blocks too: the first output is then left over.
TEST(ShapeModelConfig, SkipsOfAnEvenDepth) {
  HunyuanDitPlainConfig c;
  c.depth = 8;
  EXPECT_EQ(c.skip_source(4), -1);
  EXPECT_EQ(c.skip_source(5), 3);
  EXPECT_EQ(c.skip_source(7), 1);
}

TEST(ShapeModelConfig, RefusesOtherFormsOf21) {
  struct Case {
    const char *from, *to, *key;
    ErrorCode code;
  };
  for (const Case& c : {
           Case{"qk_norm: true", "qk_norm: false", "model.params.qk_norm", ErrorCode::unsupported},
           Case{"qkv_bias: false", "unrelated: 1", "model.params.qkv_bias", ErrorCode::unsupported},
           Case{"use_attention_pooling: false",
                "unrelated: 1",
                "model.params.use_attention_pooling",
                ErrorCode::unsupported},
           Case{"with_decoupled_ca: false",
                "with_decoupled_ca: true",
                "model.params.with_decoupled_ca",
                ErrorCode::unsupported},
           Case{"use_pos_emb: false",
                "use_pos_emb: true",
                "model.params.use_pos_emb",
                ErrorCode::unsupported},
           Case{"'rms'", "layer", "model.params.qk_norm_type", ErrorCode::unsupported},
           Case{"text_len: 1370",
                "guidance_cond_proj_dim: 256",
                "model.params.guidance_cond_proj_dim",
                ErrorCode::unsupported},
           Case{"num_heads: 16", "num_heads: 3", "model.params.hidden_size", ErrorCode::corrupt},
           Case{"num_heads: 16", "num_heads: 4", "model.params.hidden_size", ErrorCode::corrupt},
           Case{"moe_top_k: 2", "moe_top_k: 9", "model.params.moe_top_k", ErrorCode::corrupt},
           Case{"depth: 21", "depth: 0", "model.params.depth", ErrorCode::corrupt},
           Case{"context_dim: 1024",
                "context_dim: 1536",
                "model.params.context_dim",
                ErrorCode::corrupt},
           Case{"in_channels: 64",
                "in_channels: 32",
                "model.params.in_channels",
                ErrorCode::corrupt},
       }) {
    SCOPED_TRACE(c.to);
    std::string text = released_config("hunyuan3d-dit-v2-1");
    const std::size_t at = text.find(c.from);
    ASSERT_NE(at, std::string::npos);
    expect_error(text.replace(at, std::string(c.from).size(), c.to), c.code, c.key);
  }
}

TEST(ShapeModelConfig, AbsentKeysTakeUpstreamsDefaults) {
  const auto node = checkpoint::ConfigNode::parse(
      "target: a.ShapeVAE\nparams: {num_latents: 7, embed_dim: 8, width: 128, heads: 2, "
      "num_decoder_layers: 1}\n",
      "config.yaml");
  const ShapeVaeConfig vae = ShapeVaeConfig::from(node);
  EXPECT_EQ(vae.encoder_layers, 8);
  EXPECT_EQ(vae.pc_size, 5120);
  EXPECT_EQ(vae.pc_sharpedge_size, 5120);
  EXPECT_EQ(vae.point_feats, 3);
  EXPECT_EQ(vae.downsample_ratio, 20.0);
  EXPECT_TRUE(vae.include_pi);
  EXPECT_TRUE(vae.qkv_bias);
  EXPECT_FALSE(vae.qk_norm);
  EXPECT_EQ(vae.scale_factor, 1.0);
  EXPECT_TRUE(vae.geo_ln_post);
  EXPECT_TRUE(vae.use_ln_post);
  EXPECT_EQ(vae.fourier_channels(), 51);
}

// The released turbo decoders say qk_norm: true, and have none in this block.
TEST(ShapeModelConfig, TurboGeometryDecoderHasNoQkNorm) {
  const auto node =
      checkpoint::ConfigNode::parse(released_config("hunyuan3d-vae-v2-0-turbo"), "config.yaml");
  const ShapeVaeConfig vae = ShapeVaeConfig::from(node);
  EXPECT_TRUE(vae.qk_norm);
  EXPECT_TRUE(vae.block().qk_norm);
  EXPECT_FALSE(vae.geo_block().qk_norm);
  EXPECT_EQ(vae.geo_block().width, 512);
  EXPECT_EQ(vae.geo_block().heads, 8);
  EXPECT_EQ(vae.geo_block().mlp_ratio, 1);
}

TEST(ShapeModelConfig, RefusesBadSizesNamingTheKey) {
  struct Case {
    const char *from, *to, *key;
  };
  for (const Case& c : {
           Case{"hidden_size: 1024", "hidden_size: 1000", "model.params.hidden_size"},
           Case{"hidden_size: 1024", "hidden_size: -64", "model.params.hidden_size"},
           Case{"hidden_size: 1024", "hidden_size: 99999999999", "model.params.hidden_size"},
           Case{"hidden_size: 1024", "hidden_size: wide", "model.params.hidden_size"},
           Case{"num_heads: 16", "num_heads: 0", "model.params.num_heads"},
           Case{"num_heads: 16", "num_heads: 8", "model.params.hidden_size"},
           Case{"depth: 16", "depth: 1000000", "model.params.depth"},
           Case{"mlp_ratio: 4.0", "mlp_ratio: 0", "model.params.mlp_ratio"},
           Case{"mlp_ratio: 4.0", "mlp_ratio: .nan", "model.params.mlp_ratio"},
           Case{"mlp_ratio: 4.0", "mlp_ratio: 1.e-9", "model.params.mlp_ratio"},
           Case{"in_channels: 64", "in_channels: 32", "model.params.in_channels"},
           Case{"context_in_dim: 1536", "context_in_dim: 768", "model.params.context_in_dim"},
           Case{"qkv_bias: true", "guidance_embed: 3", "model.params.guidance_embed"},
           Case{"num_latents: 3072", "num_latents: 0", "vae.params.num_latents"},
           Case{"num_latents: 3072", "unrelated: 1", "vae.params.num_latents"},
           Case{"width: 1024", "width: 1025", "vae.params.width"},
           Case{"width: 1024", "unrelated: 1", "vae.params.width"},
           Case{"embed_dim: 64", "unrelated: 1", "vae.params.embed_dim"},
           Case{"num_decoder_layers: 16", "unrelated: 1", "vae.params.num_decoder_layers"},
           Case{"num_freqs: 8", "num_freqs: 100", "vae.params.num_freqs"},
           Case{"scale_factor: 0.99", "scale_factor: -0.99", "vae.params.scale_factor"},
           Case{"num_freqs: 8",
                "geo_decoder_downsample_ratio: 3",
                "vae.params.geo_decoder_downsample_ratio"},
           Case{"patch_size: 14", "patch_size: 0", "patch_size"},
           Case{"patch_size: 14", "patch_size: 16", "image_size"},
           Case{"num_hidden_layers: 40", "num_hidden_layers: 0", "num_hidden_layers"},
           Case{"num_channels: 3", "num_channels: 4", "num_channels"},
           Case{"\n        image_size: 518", "\n        image_size: 520", "kwargs.image_size"},
           Case{"type: DinoImageEncoder\n      kwargs:",
                "type: DinoImageEncoderMV\n      kwargs:\n        view_num: 5",
                "kwargs.view_num"},
       }) {
    SCOPED_TRACE(c.to);
    try {
      parse(edited(c.from, c.to));
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_NE(error.message().find(c.key), std::string::npos) << error.what();
      EXPECT_NE(error.message().find("config.yaml"), std::string::npos) << error.what();
    }
  }
}

TEST(ShapeModelConfig, RefusesOtherNetworks) {
  struct Case {
    const char *from, *to, *part;
  };
  for (const Case& c : {
           Case{"models.Hunyuan3DDiT",
                "models.HunYuanDiT",
                "expected Hunyuan3DDiT or HunYuanDiTPlain"},
           Case{"models.ShapeVAE", "models.OtherVAE", "expected ShapeVAE"},
           Case{"SingleImageEncoder", "DualImageEncoder", "expected SingleImageEncoder"},
           Case{"DinoImageEncoder", "CLIPImageEncoder", "expected DinoImageEncoder"},
           Case{"model_type: dinov2", "model_type: dinov2_with_registers", "model_type"},
           Case{"hidden_act: gelu", "hidden_act: relu", "hidden_act"},
       }) {
    SCOPED_TRACE(c.to);
    expect_error(edited(c.from, c.to), ErrorCode::unsupported, c.part);
  }
}

TEST(ShapeModelConfig, RefusesMissingSections) {
  expect_error(edited("\nvae:", "\nvae_:"), ErrorCode::not_found, "vae");
  expect_error(edited("\nmodel:", "\nmodel_:"), ErrorCode::not_found, "model");
  expect_error(edited("main_image_encoder", "other"), ErrorCode::not_found, "main_image_encoder");
}

}  // namespace
}  // namespace sinter::models
