// Every released variant at reduced size, from prepared pictures to logits, with its own scheduler,
// steps and guidance, against the independent PyTorch modules (tools/goldens).

#include <charconv>
#include <cmath>

#include "models/golden.h"
#include "pipeline/sampling_settings.h"
#include "sampling/sampler.h"

namespace sinter::pipeline {
namespace {

using models::GoldenWeight;
using models::OwnedTensor;

// As in tests/models/golden_test.cpp, for one pass of the conditioner.
constexpr double kConditionLimit = 1e-5;
// Up to 49 evaluations, each fed with the result of the one before. Measured: 1.2e-5, of the
// guidance embedder, whose angles go up to 5000.
constexpr double kLimit = 5e-5;

struct Variant {
  const char* name;
  int steps;
  std::vector<std::int64_t> views;  ///< in the order of the caller, which must not matter
};

const Variant kVariants[] = {
    {"base", 50, {0}},
    {"fast", 30, {0}},
    {"turbo", 5, {0}},
    {"mini", 50, {0}},
    {"mini-turbo", 5, {0}},
    {"mv", 50, {3, 0, 1}},
    {"mv-fast", 30, {2}},
    {"mv-turbo", 5, {1, 3, 2, 0}},
};

/// i of "<list>.i.", or -1.
std::int64_t index_behind(const std::string& name, const std::string& list) {
  const std::size_t at = name.find(list);
  std::int64_t index = -1;
  if (at != std::string::npos) {
    std::from_chars(name.data() + at + list.size(), name.data() + name.size(), index);
  }
  return index;
}

/// The tensors that a bundle of this form has, out of those of all variants.
std::vector<GoldenWeight> bundle_weights(const models::Hunyuan3DDitConfig& dit) {
  std::vector<GoldenWeight> list = models::read_weight_list("variants");
  std::erase_if(list, [&](const GoldenWeight& weight) {
    const std::string& name = weight.name;
    const bool bundled =
        name.starts_with("model.") || name.starts_with("vae.") || name.starts_with("conditioner.");
    return !bundled || (name.starts_with("model.guidance_in.") && !dit.guidance_embed) ||
           index_behind(name, "double_blocks.") >= dit.double_blocks ||
           index_behind(name, "single_blocks.") >= dit.single_blocks;
  });
  return list;
}

std::vector<GoldenWeight> stand_alone_vae_weights() {
  std::vector<GoldenWeight> list = models::read_weight_list("variants");
  std::erase_if(list, [](const GoldenWeight& weight) {
    return !weight.name.starts_with("post_kl.") && !weight.name.starts_with("transformer.") &&
           !weight.name.starts_with("geo_decoder.");
  });
  return list;
}

checkpoint::ConfigNode config_of(const std::string& name) {
  return checkpoint::ConfigNode::load(models::data_path("variants/" + name + ".yaml"));
}

models::ShapeModel model_of(const std::string& name) {
  const checkpoint::ConfigNode config = config_of(name);
  const auto dit = models::Hunyuan3DDitConfig::from(config.child("model"));
  return {models::random_checkpoint(bundle_weights(dit), name), config};
}

Tensor condition_of(Context& ctx, const models::ShapeModel& model, const Variant& variant) {
  const std::int64_t size =
      model.document().child("image_processor").child("params").required<int>("size");
  std::vector<OwnedTensor> pictures;
  std::vector<models::ViewImage> images;
  for (const std::int64_t view : variant.views) {
    pictures.emplace_back("input.view." + std::to_string(view), Shape{3, size, size});
    images.push_back({.image = pictures.back(), .view = view});
  }
  return model.load_conditioner({.threads = 1})->forward(ctx, images);
}

/// Logits of the points, by the pipeline's stages; `latents` receives what was sampled.
OwnedTensor logits_of(Context& ctx,
                      const models::ShapeModel& model,
                      const Tensor& condition,
                      const Tensor& latents) {
  const SamplingSettings settings = sampling_settings(model, {});
  const auto guidance = static_cast<float>(settings.guidance);
  const sampling::Schedule schedule = sampling::make_schedule(
      sampling::SchedulerConfig::from(model.document().child("scheduler")), settings.steps);
  const auto dit = model.load_dit({.threads = 1});
  const models::Denoise denoise = dit->begin(ctx,
                                             {.condition = condition,
                                              .times = schedule.times(),
                                              .guidance = guidance,
                                              .guided = settings.guided});
  sampling::sample(
      ctx, schedule, {.guidance = guidance, .guided = settings.guided}, latents, denoise);
  const auto vae = model.load_vae({.threads = 1});
  const OwnedTensor points("input.points", {40, 3});
  OwnedTensor logits({40}, NAN);
  vae->query(ctx, vae->remember(ctx, vae->decode(ctx, latents)), points, logits);
  return logits;
}

OwnedTensor noise_for(const models::ShapeModel& model) {
  const models::ShapeVaeConfig& vae = model.config().vae;
  return {"input.noise", {vae.num_latents, vae.embed_dim}, 1.75F};
}

class VariantTest : public testing::TestWithParam<Variant> {};

TEST_P(VariantTest, FromPicturesToLogits) {
  const Variant& variant = GetParam();
  const models::ShapeModel model = model_of(variant.name);
  const models::Goldens goldens("variants", variant.name);
  EXPECT_EQ(sampling_settings(model, {}).steps, variant.steps);
  Context ctx;
  const Tensor condition = condition_of(ctx, model, variant);
  models::expect_near(condition.span(), goldens, "condition", kConditionLimit);
  const OwnedTensor latents = noise_for(model);
  const OwnedTensor logits = logits_of(ctx, model, condition, latents);
  models::expect_near(latents.view().span(), goldens, "latents", kLimit);
  models::expect_near(logits.view().span(), goldens, "logits", kLimit);
}

// The other VAE has another number of latents, another scale and a geometry decoder half as wide.
TEST_P(VariantTest, WithAStandAloneTurboVae) {
  const Variant& variant = GetParam();
  models::ShapeModel model = model_of(variant.name);
  const std::int64_t own = model.config().vae.num_latents;
  model.use_vae(models::random_checkpoint(stand_alone_vae_weights(), "turbo_vae"),
                config_of("turbo_vae"));
  EXPECT_NE(model.config().vae.num_latents, own);
  const models::Goldens goldens("variants", variant.name);
  Context ctx;
  const Tensor condition = condition_of(ctx, model, variant);
  const OwnedTensor logits = logits_of(ctx, model, condition, noise_for(model));
  models::expect_near(logits.view().span(), goldens, "turbo_vae.logits", kLimit);
}

INSTANTIATE_TEST_SUITE_P(Released,
                         VariantTest,
                         testing::ValuesIn(kVariants),
                         [](const auto& test_case) {
                           std::string name = test_case.param.name;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace sinter::pipeline
