// What inspect() finds in the outlines of the official checkpoints and in small custom ones.

#include "checkpoint/inspect.h"

#include <map>

#include "checkpoint/published.h"
#include "checkpoint/support.h"

namespace sinter::checkpoint {
namespace {

Checkpoint outline(const std::string& name) {
  return PublishedCheckpoint{name, name, {}}.outline();
}

TEST(Inspect, DescribesTheBaseModel) {
  const PublishedCheckpoint base{"hunyuan3d-dit-v2-0", "v2-0", {}};
  const ModelFacts facts = inspect(base.outline(), base.config());
  EXPECT_EQ(facts.family, "Hunyuan3D 2.0");
  EXPECT_EQ(facts.variant, "base");
  EXPECT_EQ(facts.tensors, 1645u);
  EXPECT_EQ(facts.parameters, 2'463'968'065u);
  EXPECT_EQ(facts.dtypes, std::vector<DType>{DType::f16});

  ASSERT_EQ(facts.components.size(), 3u);
  EXPECT_EQ(facts.components[0].prefix, "conditioner");
  EXPECT_EQ(facts.components[0].kind, "image encoder");
  EXPECT_EQ(facts.components[0].parameters, 1'136'480'768u);
  EXPECT_EQ(facts.components[1].prefix, "model");
  EXPECT_EQ(facts.components[1].kind, "shape transformer");
  EXPECT_EQ(facts.components[1].bytes, 2u * 1'113'274'432u);
  EXPECT_EQ(facts.components[2].kind, "shape VAE");
  EXPECT_EQ(facts.components[2].tensors, 266u);

  ASSERT_TRUE(facts.transformer);
  EXPECT_EQ(facts.transformer->width, 1024);
  EXPECT_EQ(facts.transformer->heads, 16);
  EXPECT_EQ(facts.transformer->double_blocks, 16);
  EXPECT_EQ(facts.transformer->single_blocks, 32);
  EXPECT_EQ(facts.transformer->latent_channels, 64);
  EXPECT_EQ(facts.transformer->context_width, 1536);
  EXPECT_FALSE(facts.transformer->guidance_embedder);
  ASSERT_TRUE(facts.vae);
  EXPECT_EQ(facts.vae->decoder_blocks, 16);
  EXPECT_EQ(facts.vae->heads, 16);
  EXPECT_EQ(facts.vae->geo_width, 1024);
  EXPECT_EQ(facts.vae->geo_mlp_ratio, 4);
  EXPECT_TRUE(facts.vae->geo_ln_post);
  EXPECT_TRUE(facts.vae->geo_qk_norm);
  EXPECT_FALSE(facts.vae->has_encoder);
  ASSERT_TRUE(facts.image_encoder);
  EXPECT_EQ(facts.image_encoder->width, 1536);
  EXPECT_EQ(facts.image_encoder->layers, 40);
  EXPECT_EQ(facts.image_encoder->heads, 24);
  EXPECT_EQ(facts.image_encoder->patch, 14);
  EXPECT_EQ(facts.image_encoder->tokens, 1370);
  EXPECT_TRUE(facts.image_encoder->swiglu);
  ASSERT_TRUE(facts.config);
  EXPECT_EQ(facts.config->num_latents, 3072);
  EXPECT_EQ(facts.config->scale_factor, 0.9990943042622529);
  EXPECT_EQ(facts.config->image_size, 518);
  EXPECT_EQ(facts.config->processor_image_size, 512);
  EXPECT_EQ(facts.config->model_class, "Hunyuan3DDiT");
  EXPECT_EQ(facts.config->views, 1);
  EXPECT_EQ(
      facts.missing,
      std::vector<std::string>{"VAE encoder: absent, so meshes cannot be encoded into latents"});
}

TEST(Inspect, NamesEveryReleasedCheckpoint) {
  const std::map<std::string, std::string> variants = {
      {"hunyuan3d-dit-v2-0", "base"},
      {"hunyuan3d-dit-v2-0-fast", "fast"},
      {"hunyuan3d-dit-v2-0-turbo", "turbo"},
      {"hunyuan3d-dit-v2-mini", "mini"},
      {"hunyuan3d-dit-v2-mini-fast", "mini-fast"},
      {"hunyuan3d-dit-v2-mini-turbo", "mini-turbo"},
      {"hunyuan3d-dit-v2-mv", "mv"},
      {"hunyuan3d-dit-v2-mv-fast", "mv-fast"},
      {"hunyuan3d-dit-v2-mv-turbo", "mv-turbo"},
      {"hunyuan3d-dit-v2-1", "base"},
      {"hunyuan3d-vae-v2-1", "encoder and decoder"},
      {"hunyuan3d-vae-v2-0", "decoder"},
      {"hunyuan3d-vae-v2-0-turbo", "turbo decoder"},
      {"hunyuan3d-vae-v2-0-withencoder", "encoder and decoder"},
      {"hunyuan3d-vae-v2-mini", "mini decoder"},
      {"hunyuan3d-vae-v2-mini-turbo", "mini turbo decoder"},
      {"hunyuan3d-vae-v2-mini-withencoder", "mini encoder and decoder"},
  };
  const std::vector<PublishedCheckpoint> all = published_checkpoints();
  EXPECT_EQ(all.size(), variants.size());
  for (const PublishedCheckpoint& one : all) {
    SCOPED_TRACE(one.folder);
    const ModelFacts facts = inspect(one.outline(), one.config());
    EXPECT_EQ(facts.family,
              one.stand_alone_vae() ? "ShapeVAE"
              : one.list == "v2-1"  ? "Hunyuan3D 2.1"
                                    : "Hunyuan3D 2.0");
    EXPECT_EQ(facts.variant, variants.at(one.folder));
  }
}

TEST(Inspect, NamesWhatTheHeaderAloneTells) {
  const auto variant = [](const char* list) { return inspect(outline(list)).variant; };
  EXPECT_EQ(variant("v2-0"), "base");
  EXPECT_EQ(variant("v2-0-turbo"), "distilled");
  EXPECT_EQ(variant("v2-mini"), "mini");
  EXPECT_EQ(variant("v2-mini-turbo"), "mini-distilled");
}

TEST(Inspect, DescribesVersion21) {
  const ModelFacts facts = inspect(outline("v2-1"));
  EXPECT_EQ(facts.family, "Hunyuan3D 2.1");
  EXPECT_EQ(facts.variant, "base");
  ASSERT_TRUE(facts.transformer);
  EXPECT_EQ(facts.transformer->width, 2048);
  EXPECT_EQ(facts.transformer->heads, 16);
  EXPECT_EQ(facts.transformer->blocks, 21);
  EXPECT_EQ(facts.transformer->mixture_blocks, 6);
  EXPECT_EQ(facts.transformer->experts, 8);
  EXPECT_EQ(facts.transformer->context_width, 1024);
  EXPECT_TRUE(facts.vae->has_encoder);
  EXPECT_EQ(facts.vae->encoder_blocks, 8);
  EXPECT_FALSE(facts.image_encoder->swiglu);
  EXPECT_EQ(facts.missing,
            std::vector<std::string>{"config.yaml: absent, so latent count, scale factor and image "
                                     "size are unknown"});
}

TEST(Inspect, DescribesStandAloneVaes) {
  const ModelFacts turbo =
      inspect(outline("vae-v2-mini-turbo"),
              ConfigNode::parse("{target: a.ShapeVAE, params: {num_latents: 512}}", "c.yaml"));
  EXPECT_EQ(turbo.family, "ShapeVAE");
  EXPECT_EQ(turbo.variant, "mini turbo decoder");
  ASSERT_EQ(turbo.components.size(), 1u);
  EXPECT_EQ(turbo.components[0].prefix, "");
  EXPECT_EQ(turbo.components[0].kind, "shape VAE");
  EXPECT_EQ(turbo.vae->geo_width, 512);
  EXPECT_EQ(turbo.vae->geo_mlp_ratio, 1);
  EXPECT_FALSE(turbo.vae->geo_ln_post);
  EXPECT_FALSE(turbo.vae->geo_qk_norm);
  EXPECT_EQ(turbo.config->num_latents, 512);
  EXPECT_EQ(turbo.config->vae_class, "ShapeVAE");
  EXPECT_EQ(turbo.missing.size(), 3u);
  EXPECT_TRUE(inspect(outline("vae-v2-0-withencoder")).vae->has_encoder);
  EXPECT_EQ(inspect(outline("vae-v2-0")).variant, "decoder");
}

TEST(Inspect, DescribesSmallModelsOfTheSameForm) {
  const auto entries = parse_key_list(
      "model.latent_in.weight F16 256,32\n"
      "model.cond_in.weight F16 256,192\n"
      "model.double_blocks.{0..2}.img_attn.norm.query_norm.scale F16 64\n"
      "model.single_blocks.{0..5}.linear2.weight F16 256,1280\n",
      "small");
  const ModelFacts facts = inspect(Checkpoint::outline(entries, "small"));
  EXPECT_EQ(facts.family, "Hunyuan3D 2.0");
  EXPECT_EQ(facts.variant, "custom size");
  EXPECT_EQ(facts.transformer->heads, 4);
  EXPECT_EQ(facts.transformer->double_blocks, 3);
  EXPECT_EQ(facts.transformer->single_blocks, 6);
  EXPECT_EQ(facts.transformer->context_width, 192);
}

TEST(Inspect, SurvivesStrangers) {
  const auto entries = parse_key_list(
      "model.latent_in.weight F32 -\npost_kl.weight F32 0\nx I64 3\n"
      "model.double_blocks.{99999999999999999999,-1,a,1}.img_attn.norm.query_norm.scale F32 0\n",
      "strange");
  const ModelFacts facts = inspect(Checkpoint::outline(entries, "strange"));
  EXPECT_EQ(facts.transformer->heads, 0);
  EXPECT_EQ(facts.dtypes, (std::vector<DType>{DType::f32, DType::i64}));
  const ModelFacts none = inspect(Checkpoint::outline({}, "none"));
  EXPECT_EQ(none.family, "unknown");
  EXPECT_EQ(none.missing.size(), 4u);
  expect_error(ErrorCode::corrupt,
               "[config] c.yaml: vae.params.num_latents: expected an integer, found the string "
               "\"many\"",
               [] {
                 inspect(Checkpoint::outline({}, "none"),
                         ConfigNode::parse("vae: {params: {num_latents: many}}", "c.yaml"));
               });
}

}  // namespace
}  // namespace sinter::checkpoint
