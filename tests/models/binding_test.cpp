// Every tensor of a checkpoint is bound, none is left over, and what is wrong with one is said in
// one message.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/published.h"
#include "checkpoint/torch_builder.h"
#include "checkpoint/writer.h"
#include "models/golden.h"

namespace sinter::models {
namespace {

using checkpoint::Checkpoint;
using checkpoint::ConfigNode;

// The key lists hold every tensor of the released files, the configurations their published values;
// nothing may be missing in either, and nothing left over.
TEST(KeyCoverage, ReleasedCheckpointsBindWithoutRemainder) {
  for (const checkpoint::PublishedCheckpoint& one : checkpoint::published_checkpoints()) {
    SCOPED_TRACE(one.folder);
    if (one.stand_alone_vae()) {
      checkpoint::WeightStore store;
      const checkpoint::Binder binder(one.outline(), store);
      const ShapeVaeConfig config = ShapeVaeConfig::from(one.config());
      const ShapeVae vae(binder, config);
      if (binder.has_scope("encoder")) const ShapeEncoder encoder(binder, config);
      EXPECT_NO_THROW(binder.finish());
    } else {
      EXPECT_NO_THROW(ShapeModel(one.outline(), one.config()));
    }
  }
}

const checkpoint::PublishedCheckpoint kPublished21{"hunyuan3d-dit-v2-1", "v2-1", {}};

TEST(KeyCoverage, TheReleased21BundleBindsWithoutRemainder) {
  const ShapeModel model(kPublished21.outline(), kPublished21.config());
  EXPECT_TRUE(model.has_encoder());
  std::size_t parameters = 0;
  for (const auto& entry : model.checkpoint().with_prefix("model.")) parameters += entry.elements();
  EXPECT_EQ(parameters, 3'050'758'720U);
  EXPECT_EQ(model.checkpoint().with_prefix("model.").size(), 752U);
  EXPECT_EQ(model.checkpoint().total_elements(), 3'682'873'537U);
}

TEST(KeyCoverage, AWrong21ConfigurationIsListedByName) {
  std::string text = released_config(kPublished21.folder);
  const std::string layers = "num_moe_layers: 6";
  text.replace(text.find(layers), layers.size(), "num_moe_layers: 5");
  try {
    ShapeModel(kPublished21.outline(), ConfigNode::parse(text, "config.yaml"));
    FAIL() << "bound an MLP to experts";
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("missing model.blocks.15.mlp.fc1.weight"), std::string::npos)
        << error.what();
    EXPECT_NE(error.message().find("unused model.blocks.15.moe.experts.0.net.2.bias"),
              std::string::npos)
        << error.what();
  }
}

TEST(KeyCoverage, AWrongConfigurationIsListedByName) {
  const checkpoint::PublishedCheckpoint base{"hunyuan3d-dit-v2-0", "v2-0", {}};
  std::string text = released_config(base.folder);
  text.replace(text.find("depth: 16"), 9, "depth: 17");
  try {
    ShapeModel(base.outline(), ConfigNode::parse(text, "config.yaml"));
    FAIL() << "bound 17 blocks to the tensors of 16";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt);
    EXPECT_NE(error.message().find("missing model.double_blocks.16.img_mod.lin.weight"),
              std::string::npos)
        << error.what();
  }
}

using Halves = std::vector<std::uint16_t>;
struct Weight {
  std::string name;
  Shape shape;
  Halves bits;
};

/// The weights of the base bundle, for editing.
std::vector<Weight> base_weights() {
  std::vector<Weight> weights;
  const Checkpoint source = random_checkpoint("base");
  for (const checkpoint::TensorEntry& entry : source.entries()) {
    Halves bits(static_cast<std::size_t>(entry.shape.elements()));
    std::memcpy(bits.data(), entry.bytes.data(), entry.bytes.size());
    weights.push_back({entry.name, entry.shape, std::move(bits)});
  }
  return weights;
}

Weight& named(std::vector<Weight>& weights, const std::string& name) {
  for (Weight& weight : weights) {
    if (weight.name == name) return weight;
  }
  throw Error(ErrorCode::not_found, name);
}

std::vector<checkpoint::TensorSource> sources_of(const std::vector<Weight>& weights) {
  std::vector<checkpoint::TensorSource> sources;
  for (const Weight& w : weights) {
    sources.push_back({w.name, DType::f16, w.shape, std::as_bytes(std::span(w.bits))});
  }
  return sources;
}

ShapeModel model_of(const std::vector<Weight>& weights) {
  return {Checkpoint::from_bytes(checkpoint::to_safetensors(sources_of(weights)), "edited"),
          ConfigNode::load(data_path("base/config.yaml"))};
}

void expect_listed(const std::function<void()>& action, const std::vector<std::string>& parts) {
  try {
    action();
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt);
    for (const std::string& part : parts) {
      EXPECT_NE(error.message().find(part), std::string::npos) << part << " in: " << error.what();
    }
  }
}

TEST(BadCheckpoint, EveryProblemIsListedBeforeAnyWeightIsRead) {
  std::vector<Weight> weights = base_weights();
  named(weights, "model.single_blocks.1.linear2.weight").name =
      "model.single_blocks.1.linear3.weight";
  Weight& bias = named(weights, "vae.post_kl.bias");
  bias.shape = {64, 2};
  named(weights, "conditioner.main_image_encoder.model.layernorm.bias").name = "stray.bias";
  expect_listed([&] { model_of(weights); },
                {"missing model.single_blocks.1.linear2.weight [128, 640]",
                 "unused model.single_blocks.1.linear3.weight",
                 "vae.post_kl.bias: expected [128], got [64, 2]",
                 "missing conditioner.main_image_encoder.model.layernorm.bias",
                 "unused stray.bias"});
}

TEST(BadCheckpoint, WeightsThatAreNotNumbersAreListed) {
  constexpr std::uint16_t kNaN = 0x7e00, kInfinity = 0x7c00;
  std::vector<Weight> weights = base_weights();
  named(weights, "model.cond_in.weight").bits[131] = kNaN;
  named(weights, "model.single_blocks.0.linear1.bias").bits[5] = kInfinity;
  named(weights, "model.double_blocks.1.txt_attn.norm.key_norm.scale").bits[63] = kNaN;
  const ShapeModel model = model_of(weights);
  EXPECT_NO_THROW(model.load_vae({.threads = 1}));
  expect_listed([&] { model.load_dit({.threads = 1}); },
                {"model.cond_in.weight: infinite or not a number at [1, 3]",
                 "model.single_blocks.0.linear1.bias: infinite or not a number at [5]",
                 "model.double_blocks.1.txt_attn.norm.key_norm.scale"});
}

TEST(BadCheckpoint, IntegerWeightsAreListed) {
  const std::vector<Weight> weights = base_weights();
  std::vector<checkpoint::TensorSource> sources = sources_of(weights);
  for (checkpoint::TensorSource& source : sources) {
    if (source.name == "vae.post_kl.weight") source.dtype = DType::i16;
  }
  const ShapeModel model(Checkpoint::from_bytes(checkpoint::to_safetensors(sources), "integers"),
                         ConfigNode::load(data_path("base/config.yaml")));
  expect_listed([&] { model.load_vae({.threads = 1}); },
                {"vae.post_kl.weight: expected a floating dtype, got i16"});
}

/// A folder that is removed at the end of the test.
struct TemporaryFolder {
  std::filesystem::path path;
  explicit TemporaryFolder(const std::string& name)
      : path(std::filesystem::temp_directory_path() /
             (name + "-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) + "-" +
              std::to_string(reinterpret_cast<std::uintptr_t>(this)))) {
    std::filesystem::create_directories(path);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
};

TEST(ShapeModelFiles, OpensADirectory) {
  const TemporaryFolder folder("sinter-models");
  const std::vector<Weight> weights = base_weights();
  checkpoint::write_safetensors((folder.path / "model.fp16.safetensors").string(),
                                sources_of(weights));
  std::filesystem::copy_file(data_path("base/config.yaml"), folder.path / "config.yaml");
  const ShapeModel model = ShapeModel::open(folder.path.string());
  EXPECT_TRUE(model.has_encoder());
  EXPECT_EQ(model.document().child("scheduler").target(), "FlowMatchEulerDiscreteScheduler");
  EXPECT_NO_THROW(model.load_dit({.threads = 2}));
}

/// The bundle as torch.save writes it: {"conditioner": {...}, "model": {...}, "vae": {...}}.
std::string torch_bundle(const Checkpoint& source) {
  namespace op = checkpoint::op;
  std::map<std::string, op::Pairs> components;
  std::vector<std::string> storages;
  for (const checkpoint::TensorEntry& entry : source.entries()) {
    std::vector<std::int64_t> size, stride;
    for (int axis = 0; axis < entry.shape.rank(); ++axis) size.push_back(entry.shape[axis]);
    std::int64_t step = 1;
    for (std::size_t axis = size.size(); axis > 0; step *= size[--axis]) {
      stride.insert(stride.begin(), step);
    }
    const std::string storage =
        op::storage("HalfStorage", std::to_string(storages.size()), entry.shape.elements());
    const std::size_t dot = entry.name.find('.');
    components[entry.name.substr(0, dot)].emplace_back(entry.name.substr(dot + 1),
                                                       op::tensor(storage, 0, size, stride));
    storages.emplace_back(reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size());
  }
  op::Pairs root;
  for (const auto& [name, tensors] : components) root.emplace_back(name, op::dictionary(tensors));
  return checkpoint::torch_file(op::pickle(op::dictionary(root)), storages);
}

TEST(ShapeModelFiles, RunsATorchBundle) {
  const TemporaryFolder folder("sinter-ckpt");
  std::ofstream(folder.path / "model.fp16.ckpt", std::ios::binary)
      << torch_bundle(random_checkpoint("v2-1"));
  std::filesystem::copy_file(data_path("v2-1/config.yaml"), folder.path / "config.yaml");
  const ShapeModel model = ShapeModel::open(folder.path.string());
  EXPECT_TRUE(model.has_encoder());
  EXPECT_NO_THROW(model.load_conditioner({.threads = 2}));
  EXPECT_NO_THROW(model.load_encoder({.threads = 2}));
  const auto dit = model.load_dit({.threads = 2});
  Context ctx;
  const OwnedTensor latents("input.latents", {12, 16}, 2.0F);
  const OwnedTensor context("input.context", {17, 128}, 2.0F);
  const OwnedTensor velocity({2, 12, 16}, NAN);
  const std::vector<float> times = {0.3125F};
  dit->begin(ctx, {.condition = context, .times = times})(ctx, 0, latents, velocity);
  expect_near(velocity.view().span(), Goldens("v2-1"), "dit.guided", 1e-5);
}

/// The VAE of the base bundle as a stand-alone checkpoint.
std::vector<Weight> stand_alone_vae() {
  std::vector<Weight> weights = base_weights();
  std::erase_if(weights, [](const Weight& w) { return !w.name.starts_with("vae."); });
  for (Weight& weight : weights) weight.name = weight.name.substr(4);
  return weights;
}

std::string vae_config(int embed_dim, int num_latents) {
  return cat("target: hy3dgen.shapegen.models.ShapeVAE\nparams: {num_latents: ",
             num_latents,
             ", embed_dim: ",
             embed_dim,
             ", width: 128, heads: 2, num_decoder_layers: 2, num_encoder_layers: 2, include_pi: "
             "false, qkv_bias: false, qk_norm: true, scale_factor: 1.25, point_feats: 4}\n");
}

TEST(ShapeModelFiles, UsesAStandAloneVae) {
  const TemporaryFolder folder("sinter-vae");
  const std::vector<Weight> weights = stand_alone_vae();
  checkpoint::write_safetensors((folder.path / "model.fp16.safetensors").string(),
                                sources_of(weights));
  std::ofstream(folder.path / "config.yaml") << vae_config(16, 7);
  ShapeModel model(random_checkpoint("base"), ConfigNode::load(data_path("base/config.yaml")));
  model.use_vae({folder.path.string()});
  EXPECT_EQ(model.config().vae.num_latents, 7);
  EXPECT_EQ(model.vae_checkpoint().path(), (folder.path / "model.fp16.safetensors").string());
  EXPECT_TRUE(model.has_encoder());
  EXPECT_NO_THROW(model.load_encoder({.threads = 1}));
  const auto vae = model.load_vae({.threads = 1});
  Context ctx;
  const OwnedTensor latents("input.latents", {12, 16}, 2.0F);
  const OwnedTensor points("input.points", {61, 3});
  const OwnedTensor logits({61}, NAN);
  vae->query(ctx, vae->remember(ctx, vae->decode(ctx, latents)), points, logits);
  expect_near(logits.view().span(), Goldens("base"), "vae.logits", 1e-5);
}

TEST(ShapeModelFiles, RefusesAVaeOfAnotherLatentSpaceNamingBothFiles) {
  ShapeModel model(random_checkpoint("base"), ConfigNode::load(data_path("base/config.yaml")));
  const auto bytes = [](const std::vector<Weight>& weights) {
    return Checkpoint::from_bytes(checkpoint::to_safetensors(sources_of(weights)), "other");
  };
  try {
    model.use_vae(bytes(stand_alone_vae()), ConfigNode::parse(vae_config(32, 7), "other.yaml"));
    FAIL() << "accepted 32 latent channels";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    for (const char* part : {"16 latent channels", "base/config.yaml", "32", "other.yaml"}) {
      EXPECT_NE(error.message().find(part), std::string::npos) << part << ": " << error.what();
    }
  }
  std::vector<Weight> weights = stand_alone_vae();
  named(weights, "geo_decoder.output_proj.bias").name = "geo_decoder.output_proj.offset";
  expect_listed(
      [&] { model.use_vae(bytes(weights), ConfigNode::parse(vae_config(16, 7), "other.yaml")); },
      {"missing geo_decoder.output_proj.bias", "unused geo_decoder.output_proj.offset"});
  EXPECT_EQ(model.config().vae.num_latents, 12);  // as it was
}

}  // namespace
}  // namespace sinter::models
