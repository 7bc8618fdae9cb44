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
