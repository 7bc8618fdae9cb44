// The shipped model against the PyTorch modules on its own weights. The data is made anew after
// every training run by `tools/goldens/make_goldens.py --model models/sinter-small`.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "models/golden.h"

namespace sinter::models {
namespace {

constexpr const char* kName = "sinter-small";
// Trained weights have a few large channels; otherwise as in golden_test.cpp.
constexpr double kLimit = 2e-5;

class ShippedModel : public testing::Test {
 protected:
  void SetUp() override {
    const std::string folder = std::string(SINTER_SOURCE_DIR) + "/models/" + kName;
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no model in " << folder;
    model_.emplace(ShapeModel::open(folder));
    const char* remedy = "run tools/goldens/make_goldens.py --model models/sinter-small";
    ASSERT_TRUE(std::filesystem::exists(data_path("sinter-small/activations.safetensors")))
        << remedy;
    goldens_.emplace(kName);
    ASSERT_EQ(goldens_->file().metadata().at("sha256"), model_->checkpoint().content_hash())
        << "the weights have changed: " << remedy;
  }

  std::optional<ShapeModel> model_;
  std::optional<Goldens> goldens_;
  Context ctx_;
};

TEST_F(ShippedModel, MatchesTheReference) {
  const ShapeModelConfig& config = model_->config();
  const auto side =
      model_->document().child("image_processor").child("params").get<std::int64_t>("size", 512);
  const OwnedTensor image("input.image", {3, side, side});
  const OwnedTensor latents("input.latents", {config.vae.num_latents, config.vae.embed_dim}, 1.75F);
  const OwnedTensor points("input.points", {200, 3});
  const OwnedTensor velocity({2, config.vae.num_latents, config.vae.embed_dim}, NAN);
  const OwnedTensor logits({200}, NAN);
  ctx_.threads = 2;

  const Tensor tokens = model_->load_conditioner({.threads = 2})->forward(ctx_, image);
  expect_near(tokens.slice(0, 8).span(), *goldens_, "condition", kLimit);

  const auto dit = model_->load_dit({.threads = 2});
  const std::vector<float> times = {0.375F};
  const Denoise denoise = dit->begin(ctx_, {.condition = tokens, .times = times, .guidance = 5.0F});
  denoise(ctx_, 0, latents, velocity);
  std::vector<float> slices;
  for (std::int64_t half = 0; half < 2; ++half) {
    const Tensor rows =
        velocity.view().slice(half, half + 1).reshape(latents.view().shape).slice(0, 8);
    slices.insert(slices.end(), rows.span().begin(), rows.span().end());
  }
  expect_near(slices, *goldens_, "velocity", kLimit);

  const auto vae = model_->load_vae({.threads = 2});
  const Tensor decoded = vae->decode(ctx_, latents);
  expect_near(decoded.slice(0, 8).span(), *goldens_, "tokens", kLimit);
  vae->query(ctx_, vae->remember(ctx_, decoded), points, logits);
  expect_near(logits.view().span(), *goldens_, "logits", kLimit);
}

}  // namespace
}  // namespace sinter::models
