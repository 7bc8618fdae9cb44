// The networks against the independent PyTorch modules, layer by layer, on random weights.
//
// Both sides compute in fp32 and differ in the order of their sums and in the last bit of
// exponentials and sines. A product over K channels rounds to a relative error of about
// sqrt(K) 6e-8 / 2, 3e-7 for the sizes here, and a handful of such layers stand one behind the
// other. The bundle "base" has norms whose input is as small as their epsilon, so a wrong epsilon
// shows in the first digits, as a wrong GELU or a swapped channel does anyway.

#include "models/golden.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "sampling/sampler.h"
#include "sampling/schedule.h"

namespace sinter::models {
namespace {

// Measured: 7e-7.
constexpr double kVaeLimit = 2e-6;
// Measured: 4e-6, nearly all of it from the weights of the resize filter, formed in fp32.
constexpr double kConditionerLimit = 1e-5;
// Measured: 4e-6. A frequency of the time embedding that is wrong in its last bit (exponentials
// differ that much between libraries) moves an angle of 375 by 2e-5.
constexpr double kDitLimit = 1e-5;
// Measured: 1e-6. The 2.1 transformer, which does not multiply its times by 1000.
constexpr double kPlainLimit = 5e-6;
// Measured: 3e-6. Conditioner, four steps with guidance that multiplies errors by up to 9, decoder.
constexpr double kRunLimit = 1e-5;
// Measured: 2e-5. The same for the guidance embedder, whose angles go up to 5000.
constexpr double kGuidanceLimit = 5e-5;

class GoldenTest : public testing::TestWithParam<std::string> {
 protected:
  const ShapeModel& model() const { return random_model(GetParam()); }
  Context ctx_;
  const Goldens goldens_{GetParam()};
};

class DitGoldenTest : public GoldenTest {
 protected:
  double dit_limit() const {
    return model().config().guidance_embed() ? kGuidanceLimit : kDitLimit;
  }
};

std::string tapped_layer(const std::string& stem, std::int64_t i) {
  return stem + std::to_string(i);
}

TEST_P(GoldenTest, Conditioner) {
  const auto conditioner = model().load_conditioner({.threads = 1});
  const OwnedTensor image("input.image", {3, 64, 64});
  Tapped tapped(ctx_);
  const Tensor tokens = conditioner->forward(ctx_, image);
  EXPECT_EQ(tokens.shape, (Shape{model().config().conditioner.tokens(), 128}));
  tapped.expect_near(goldens_,
                     "conditioner.",
                     {"embeddings", "layer.0", "layer.1", "layernorm"},
                     kConditionerLimit);
}

// 150 pixels down to 56 or 84: the antialiasing filter is wider than two source pixels.
TEST_P(GoldenTest, ConditionerOnALargeImage) {
  const auto conditioner = model().load_conditioner({.threads = 1});
  const OwnedTensor image("input.large_image", {3, 150, 150});
  const Tensor tokens = conditioner->forward(ctx_, image);
  expect_near(tokens.span(), goldens_, "conditioner.shrunk", kConditionerLimit);
}

TEST_P(DitGoldenTest, Step) {
  const auto dit = model().load_dit({.threads = 1});
  const OwnedTensor latents("input.latents", {12, 16}, 2.0F);
  const OwnedTensor context("input.context", {17, 128}, 2.0F);
  const OwnedTensor velocity({1, 12, 16}, NAN);
  const std::vector<float> times = {0.375F};
  Tapped tapped(ctx_);
  const Denoise denoise =
      dit->begin(ctx_, {.condition = context, .times = times, .guidance = 5.0F, .guided = false});
  denoise(ctx_, 0, latents, velocity);
  std::vector<std::string> names = {"vec", "latent_in", "cond_in"};
  const auto& config = std::get<Hunyuan3DDitConfig>(model().config().dit);
  for (std::int64_t i = 0; i < config.double_blocks; ++i) {
    names.push_back(tapped_layer("double_blocks.", i) + ".img");
    names.push_back(tapped_layer("double_blocks.", i) + ".txt");
  }
  for (std::int64_t i = 0; i < config.single_blocks; ++i) {
    names.push_back(tapped_layer("single_blocks.", i));
  }
  names.emplace_back("velocity");
  tapped.expect_near(goldens_, "dit.", names, dit_limit());
}

// Both halves of guidance at once, against two independent sequences with the full zero context.
// Every setting of the switches, and a step in the middle of a table.
TEST_P(DitGoldenTest, StepWithGuidance) {
  const auto dit = model().load_dit({.threads = 1});
  const OwnedTensor latents("input.latents", {12, 16}, 2.0F);
  const OwnedTensor context("input.context", {17, 128}, 2.0F);
  const std::vector<float> times = {0.1F, 0.3125F, 0.95F};
  for (const bool collapse : {true, false}) {
    for (const bool table : {true, false}) {
      Context ctx;
      ctx.switches.collapse_unconditional = collapse;
      ctx.switches.modulation_table = table;
      const OwnedTensor velocity({2, 12, 16}, NAN);
      std::map<std::string, Shape> shapes;
      ctx.tap = [&](std::string_view name, const Tensor& tensor) {
        shapes[std::string(name)] = tensor.shape;
      };
      const Denoise denoise =
          dit->begin(ctx, {.condition = context, .times = times, .guidance = 3.5F});
      denoise(ctx, 1, latents, velocity);
      EXPECT_EQ(shapes.at("cond_in")[0], collapse ? 18 : 34);
      EXPECT_EQ(shapes.at("vec")[0], table ? 3 : 1);
      expect_near(velocity.view().span(), goldens_, "dit.guided", dit_limit());
    }
  }
}

TEST_P(GoldenTest, VaeDecoder) {
  const auto vae = model().load_vae({.threads = 1});
  const OwnedTensor latents("input.latents", {12, 16}, 2.0F);
  const OwnedTensor points("input.points", {61, 3});
  const OwnedTensor logits({61}, NAN);
  Tapped tapped(ctx_);
  const GeometryMemory memory = vae->remember(ctx_, vae->decode(ctx_, latents));
  vae->query(ctx_, memory, points, logits);
  tapped.expect_near(
      goldens_,
      "vae.",
      {"post_kl", "transformer.0", "transformer.1", "query_proj", "cross_attn_decoder"},
      kVaeLimit);
  expect_near(logits.view().span(), goldens_, "vae.logits", kVaeLimit);
}

TEST_P(GoldenTest, VaeEncoder) {
  if (!model().has_encoder()) {
    EXPECT_THROW(model().load_encoder({.threads = 1}), Error);
    return;
  }
  const auto encoder = model().load_encoder({.threads = 1});
  const OwnedTensor surface("input.surface", {90, 7});
  SurfaceSelection selection;
  for (std::int64_t row = 0; row < 90; ++row) selection.data.push_back(row);
  for (std::int64_t token = 0; token < 12; ++token) selection.queries.push_back(7 * token + 3);
  Tapped tapped(ctx_);
  const Posterior posterior = encoder->forward(ctx_, surface, selection);
  tapped.expect_near(goldens_,
                     "vae.",
                     {"encoder.cross_attn", "encoder.self_attn.0", "encoder.self_attn.1"},
                     kVaeLimit);
  expect_near(posterior.mean.span(), goldens_, "vae.mean", kVaeLimit);
  expect_near(posterior.log_variance.span(), goldens_, "vae.log_variance", kVaeLimit);
}

std::string bundle_name(const testing::TestParamInfo<std::string>& test_case) {
  std::string name = test_case.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Random,
                         GoldenTest,
                         testing::Values("base", "distilled", "v2-1"),
                         bundle_name);
INSTANTIATE_TEST_SUITE_P(Random, DitGoldenTest, testing::Values("base", "distilled"), bundle_name);

// Blocks 0 to 2 have no skip, 3 has one, 4 has one and experts.
TEST(PlainGolden, Step) {
  const auto dit = random_model("v2-1").load_dit({.threads = 1});
  const OwnedTensor latents("input.latents", {12, 16}, 2.0F);
  const OwnedTensor context("input.context", {17, 128}, 2.0F);
  const OwnedTensor velocity({1, 12, 16}, NAN);
  const std::vector<float> times = {0.375F};
  Context ctx;
  Tapped tapped(ctx);
  const Denoise denoise = dit->begin(ctx, {.condition = context, .times = times, .guided = false});
  denoise(ctx, 0, latents, velocity);
  std::vector<std::string> names = {"time_embedding", "times", "x_embedder", "velocity"};
  for (std::int64_t i = 0; i < 5; ++i) names.push_back(tapped_layer("blocks.", i));
  tapped.expect_near(Goldens("v2-1"), "dit.", names, kPlainLimit);
}

// Both halves at once, on the middle of three times, with and without the cross-attention to zeros.
TEST(PlainGolden, StepWithGuidance) {
  const auto dit = random_model("v2-1").load_dit({.threads = 2});
  const OwnedTensor latents("input.latents", {12, 16}, 2.0F);
  const OwnedTensor context("input.context", {17, 128}, 2.0F);
  const std::vector<float> times = {0.1F, 0.3125F, 0.95F};
  for (const bool skip : {true, false}) {
    Context ctx;
    ctx.switches.skip_zero_context = skip;
    const OwnedTensor velocity({2, 12, 16}, NAN);
    const Denoise denoise = dit->begin(ctx, {.condition = context, .times = times});
    denoise(ctx, 1, latents, velocity);
    expect_near(velocity.view().span(), Goldens("v2-1"), "dit.guided", kPlainLimit);
  }
}

// The whole bundle: picture, condition, guided steps, latents, logits.
TEST(PlainGolden, Run) {
  const ShapeModel& model = random_model("v2-1");
  const Goldens goldens("v2-1");
  Context ctx;
  const OwnedTensor image("input.image", {3, 64, 64});
  const OwnedTensor latents("input.noise", {12, 16}, 1.75F);
  const OwnedTensor points("input.points", {61, 3});
  const OwnedTensor logits({61}, NAN);
  const Tensor condition = model.load_conditioner({.threads = 1})->forward(ctx, image);
  const auto dit = model.load_dit({.threads = 1});
  const auto schedule = sampling::make_schedule(
      sampling::SchedulerConfig::from(model.document().child("scheduler")), 5);
  const Denoise denoise =
      dit->begin(ctx, {.condition = condition, .times = schedule.times(), .guidance = 5.0F});
  sampling::sample(ctx, schedule, {.guidance = 5.0F}, latents, denoise);
  expect_near(latents.view().span(), goldens, "run.latents", kRunLimit);
  const auto vae = model.load_vae({.threads = 1});
  vae->query(ctx, vae->remember(ctx, vae->decode(ctx, latents)), points, logits);
  expect_near(logits.view().span(), goldens, "run.logits", kRunLimit);
}

}  // namespace
}  // namespace sinter::models
