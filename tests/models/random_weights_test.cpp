// A model with random weights is whole, keeps its activations small, and has a surface.

#include "models/random_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "checkpoint/published.h"
#include "models/golden.h"

namespace sinter::models {
namespace {

using checkpoint::ConfigNode;

ShapeModel random_bundle(const std::string& bundle, std::uint64_t seed = 1) {
  std::string text = ConfigNode::load(data_path(bundle + "/config.yaml")).to_yaml();
  // the lump is sized for the frequencies of the released models
  const std::size_t value = text.find(' ', text.find("include_pi")) + 1;
  if (text.compare(value, 4, "true") == 0) text.replace(value, 4, "false");
  const ConfigNode config = ConfigNode::parse(text, bundle);
  return {random_weights(bundle_tensors(ShapeModelConfig::from(config)), "random", seed, 2),
          config};
}

TEST(RandomWeights, HaveTheTensorsOfTheReleasedCheckpoints) {
  for (const checkpoint::PublishedCheckpoint& one : checkpoint::published_checkpoints()) {
    SCOPED_TRACE(one.folder);
    const auto entries = one.stand_alone_vae()
                             ? vae_tensors(ShapeVaeConfig::from(one.config()))
                             : bundle_tensors(ShapeModelConfig::from(one.config()));
    std::set<std::string> expected, found;
    const checkpoint::Checkpoint outline = one.outline();
    for (const auto& entry : outline.entries()) {
      const std::string& name = entry.name;
      const bool unused = name.find("mask_token") != name.npos ||  // read by no network
                          name.starts_with("encoder.") || name.starts_with("vae.encoder.") ||
                          name.find("pre_kl.") != name.npos;
      if (!unused) expected.insert(cat(name, " ", entry.shape));
    }
    for (const auto& entry : entries) found.insert(cat(entry.name, " ", entry.shape));
    EXPECT_EQ(expected, found);
  }
}

TEST(RandomWeights, CountTheReleasedParameters) {
  for (const checkpoint::PublishedCheckpoint& one : checkpoint::published_checkpoints()) {
    if (one.folder != "hunyuan3d-dit-v2-0") continue;
    const ShapeModel model(one.outline(), one.config());
    const ShapeModel::WeightCounts counts = model.weight_counts();
    EXPECT_EQ(counts.dit + counts.modulations, 1'113'274'432.0);
    EXPECT_NEAR(counts.modulations, 304.4e6, 0.5e6);
    EXPECT_EQ(counts.conditioner, 1'136'480'768.0 - 1536);  // less the mask token
    EXPECT_EQ(counts.vae, 214'212'865.0);
  }
}

double deviation(const Tensor& x) {
  double sum = 0;
  for (const float value : x.span()) sum += double{value} * value;
  return std::sqrt(sum / static_cast<double>(x.elements()));
}

class RandomBundle : public testing::TestWithParam<const char*> {};

TEST_P(RandomBundle, RunsOnActivationsOfTrainedSize) {
  const ShapeModel model = random_bundle(GetParam());
  const auto& config = model.config();
  Context ctx;
  ctx.threads = 2;
  float largest = 0;
  ctx.tap = [&](std::string_view, const Tensor& x) {
    for (const float value : x.span()) largest = std::max(largest, std::abs(value));
  };
  ArenaScope scope(ctx.arena());
  const std::int64_t side = config.conditioner.image_size;
  const OwnedTensor image("image", {3, side, side}),
      latents("latents", {config.vae.num_latents, config.vae.embed_dim}, 1.7F);
  const Tensor condition = model.load_conditioner({.threads = 2})->forward(ctx, image);
  EXPECT_NEAR(deviation(condition), 1.0, 0.2);
  const auto dit = model.load_dit({.threads = 2});
  const std::vector<float> times = {0.0F, 0.5F, 1.0F};
  const Denoise denoise = dit->begin(ctx, {.condition = condition, .times = times});
  const Tensor velocity =
      ctx.allocate(DType::f32, {2, config.vae.num_latents, config.vae.embed_dim});
  denoise(ctx, 1, latents, velocity);
  EXPECT_GT(deviation(velocity), 0.5);
  EXPECT_LT(deviation(velocity), 4.0);
  const Tensor tokens = model.load_vae({.threads = 2})->decode(ctx, latents);
  EXPECT_GT(deviation(tokens), 0.3);
  EXPECT_LT(deviation(tokens), 6.0);
  EXPECT_GT(largest, 0);
  EXPECT_LT(largest, 200.0F);  // fp16 has room for 65504
}

TEST_P(RandomBundle, HasASurfaceAroundTheOrigin) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const ShapeModel model = random_bundle(GetParam(), seed);
    Context ctx;
    ctx.threads = 2;
    ArenaScope scope(ctx.arena());
    const OwnedTensor latents("z", {model.config().vae.num_latents, model.config().vae.embed_dim});
    const auto vae = model.load_vae({.threads = 2});
    const GeometryMemory memory = vae->remember(ctx, vae->decode(ctx, latents));
    constexpr std::int64_t kSide = 25;
    const OwnedTensor points(Shape{kSide * kSide * kSide, 3});
    for (std::int64_t i = 0; i < kSide * kSide * kSide; ++i) {
      for (std::int64_t axis = 0, rest = i; axis < 3; ++axis, rest /= kSide) {
        points.view().f32_mut()[3 * i + axis] =
            2.02F * static_cast<float>(rest % kSide) / (kSide - 1) - 1.01F;
      }
    }
    const Tensor logits = ctx.allocate(DType::f32, {kSide * kSide * kSide});
    vae->query(ctx, memory, points, logits);
    std::int64_t inside = 0, on_the_border = 0;
    for (std::int64_t i = 0; i < logits.elements(); ++i) {
      if (logits.f32()[i] <= 0) continue;
      ++inside;
      for (std::int64_t axis = 0, rest = i; axis < 3; ++axis, rest /= kSide) {
        if (rest % kSide == 0 || rest % kSide == kSide - 1) ++on_the_border;
      }
    }
    EXPECT_GT(logits.f32()[logits.elements() / 2], 0) << seed;
    // a ball of 0.61 fills 11.5 %; its lumps are left room
    EXPECT_GT(inside, logits.elements() / 25) << seed;
    EXPECT_LT(inside, logits.elements() / 3) << seed;
    EXPECT_LT(on_the_border, inside / 10) << seed;
    if (!model.config().vae.geo_ln_post) continue;
    // saturated: 1.25, and what the random part of the output layer adds
    for (const float value : logits.span()) EXPECT_LT(std::abs(value), 2.0F);
  }
}

INSTANTIATE_TEST_SUITE_P(Bundles, RandomBundle, testing::Values("base", "distilled", "v2-1"));

}  // namespace
}  // namespace sinter::models
