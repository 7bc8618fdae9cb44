// The shipped model's networks, and the 2.1 transformer with random weights, on a GPU against the
// same networks on the CPU in f32.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "cuda/status.h"
#include "models/golden.h"
#include "models/random_weights.h"
#include "ops/cuda/backend.h"
#include "ops/elementwise.h"
#include "ops/transfer.h"
#include "sampling/sampler.h"

namespace sinter::models {
namespace {

/// What 16-bit activations with f32 sums may lose over the depth of a network, as root mean square
/// of the difference over that of the values. A rounding is 2^-12 (f16) or 2^-9 (bf16) of a value
/// on average over its range; the residual stream is rounded some 20 to 60 times on the way, which
/// adds up as independent errors: about 8 roundings, and three times that for the modulations and
/// attention weights that are rounded besides. A wrong kernel is off by the size of the values.
double limit_of(DType dtype) {
  return dtype == DType::f16 ? 24.0 / 4096 : 24.0 / 512;
}

struct Result {
  std::vector<float> condition, velocity, tokens, logits;
};

std::vector<float> values_of(Context& ctx, const Tensor& tensor) {
  ArenaScope scope(ctx.host().arena());
  const std::span<const float> values = ops::to_host(ctx, tensor).span();
  return {values.begin(), values.end()};
}

Result run(const ShapeModel& model, Context& ctx) {
  const ShapeModelConfig& config = model.config();
  const OwnedTensor image("input.image", {3, 512, 512});
  const OwnedTensor noise("input.latents", {config.vae.num_latents, config.vae.embed_dim}, 1.75F);
  const OwnedTensor points("input.points", {333, 3});
  const OwnedTensor logits({333}, NAN);
  ctx.threads = 2;
  Result result;

  const auto conditioner = model.load_conditioner(ctx.placement());
  const Tensor tokens = conditioner->forward(ctx, image);
  result.condition = values_of(ctx, tokens);

  const auto dit = model.load_dit(ctx.placement());
  const std::vector<float> times = {0.25F, 0.375F};
  const Denoise denoise = dit->begin(ctx, {.condition = tokens, .times = times, .guidance = 5.0F});
  const Tensor latents = ops::to_device(ctx, noise, DType::f32);
  const Tensor velocity = ctx.allocate(DType::f32, {2, latents.dim(0), latents.dim(1)});
  denoise(ctx, 1, latents, velocity);
  result.velocity = values_of(ctx, velocity);

  const auto vae = model.load_vae(ctx.placement());
  const Tensor decoded = vae->decode(ctx, latents);
  result.tokens = values_of(ctx, decoded);
  vae->query(ctx, vae->remember(ctx, decoded), points, logits);
  result.logits = values_of(ctx, logits);
  return result;
}

class CudaModel : public testing::TestWithParam<DType> {};

TEST_P(CudaModel, EqualsTheCpu) {
  if (cuda::device_count() == 0) GTEST_SKIP() << "no GPU";
  const ShapeModel model =
      ShapeModel::open(std::string(SINTER_SOURCE_DIR) + "/models/sinter-small");
  Context host, device(ops::cuda::make_backend(0), GetParam());
  const Result expected = run(model, host), got = run(model, device);
  const double limit = limit_of(GetParam());
  const auto check = [&](const char* what, const auto& values, const auto& reference) {
    ASSERT_EQ(values.size(), reference.size());
    const double error = relative_error(values, reference);
    RecordProperty(what, std::to_string(error));
    std::printf("%s %s: %.2e\n", to_string(GetParam()), what, error);
    EXPECT_LT(error, limit) << what;
  };
  check("condition", got.condition, expected.condition);
  check("velocity", got.velocity, expected.velocity);
  check("tokens", got.tokens, expected.tokens);
  check("logits", got.logits, expected.logits);
}

/// The reduced 2.1 bundle: heads of 128, the last two blocks of five mixtures of experts.
ShapeModel random_plain_model() {
  using checkpoint::ConfigNode;
  std::string text = ConfigNode::load(data_path("v2-1/config.yaml")).to_yaml();
  text[text.find('1', text.find("num_moe_layers"))] = '2';
  const ConfigNode config = ConfigNode::parse(text, "v2-1");
  return {random_weights(bundle_tensors(ShapeModelConfig::from(config)), "random", 1, 2), config};
}

/// Velocity of both branches; an even number of latents, so that a branch has an odd number of
/// rows.
std::vector<float> plain_velocity(const ShapeModel& model, Context& ctx) {
  constexpr std::int64_t kTokens = 77, kLatents = 400;
  const OwnedTensor noise("input.latents", {kLatents, model.config().vae.embed_dim}, 1.75F),
      condition("input.condition", {kTokens, 128}, 1.75F);
  ctx.threads = 2;
  const auto dit = model.load_dit(ctx.placement());
  const std::vector<float> times = {0.25F, 0.375F};
  ArenaScope scope(ctx.arena());
  const Denoise denoise =
      dit->begin(ctx, {.condition = ops::to_device(ctx, condition), .times = times});
  const Tensor latents = ops::to_device(ctx, noise, DType::f32);
  const Tensor velocity = ctx.allocate(DType::f32, {2, kLatents, latents.dim(1)});
  denoise(ctx, 1, latents, velocity);
  return values_of(ctx, velocity);
}

/// The relative error of each token.
std::vector<double> token_errors(std::span<const float> got,
                                 std::span<const float> expected,
                                 std::size_t channels) {
  std::vector<double> errors;
  for (std::size_t i = 0; i < expected.size(); i += channels) {
    errors.push_back(relative_error(got.subspan(i, channels), expected.subspan(i, channels)));
  }
  std::sort(errors.begin(), errors.end());
  return errors;
}

TEST_P(CudaModel, PlainTransformerEqualsTheCpu) {
  if (cuda::device_count() == 0) GTEST_SKIP() << "no GPU";
  const ShapeModel model = random_plain_model();
  for (const bool shortcut : {true, false}) {
    Context host, device(ops::cuda::make_backend(0), GetParam());
    host.switches.skip_zero_context = device.switches.skip_zero_context = shortcut;
    const std::vector<float> expected = plain_velocity(model, host);
    const std::vector<float> got = plain_velocity(model, device);
    ASSERT_EQ(got.size(), expected.size());
    const std::vector<double> errors =
        token_errors(got, expected, static_cast<std::size_t>(model.config().vae.embed_dim));
    const double usual = errors[errors.size() / 2], most = errors[errors.size() * 9 / 10];
    const double all = relative_error(got, expected);
    std::printf("%s 2.1 velocity: tokens %.2e, nine of ten %.2e, all %.2e\n",
                to_string(GetParam()),
                usual,
                most,
                all);
    // A token between two experts may take the other one and is then off by a few hundredths; few
    // are, and they count in the sum over all alone.
    EXPECT_LT(usual, limit_of(GetParam()));
    EXPECT_LT(most, 2 * limit_of(GetParam()));
    EXPECT_LT(all, 4 * limit_of(GetParam()));
    EXPECT_EQ(plain_velocity(model, device), got) << "a second run gives other bytes";
  }
}

struct Sampled {
  std::vector<float> latents;
  std::vector<HostTraffic> traffic;  ///< after each step
};

/// Ten steps of the small model from the same noise and condition.
Sampled sample(const ShapeDenoiser& dit,
               const ShapeModelConfig& config,
               Context& ctx,
               bool record) {
  const OwnedTensor noise("input.latents", {config.vae.num_latents, config.vae.embed_dim}, 1.75F);
  const OwnedTensor condition("input.condition", {77, config.conditioner.backbone.width}, 1.75F);
  ArenaScope scope(ctx.arena());
  const sampling::Schedule schedule = sampling::make_schedule({}, 11).without_zero_steps();
  const Denoise denoise = dit.begin(
      ctx,
      {.condition = ops::to_device(ctx, condition), .times = schedule.times(), .guidance = 5.0F});
  const Tensor latents = ops::to_device(ctx, noise, DType::f32);
  Sampled result;
  sampling::sample(
      ctx, schedule, {.guidance = 5.0F, .recordable = record}, latents, denoise, [&](int, int) {
        result.traffic.push_back(ctx.accelerator()->traffic());
      });
  result.latents = values_of(ctx, latents);
  return result;
}

void expect_recorded_steps(const ShapeModel& model, DType dtype) {
  Context ctx(ops::cuda::make_backend(0), dtype);
  const auto dit = model.load_dit(ctx.placement());
  ASSERT_TRUE(dit->recordable(ctx));
  const Sampled queued = sample(*dit, model.config(), ctx, false);
  const Sampled recorded = sample(*dit, model.config(), ctx, true);
  const Sampled again = sample(*dit, model.config(), ctx, true);
  EXPECT_EQ(recorded.latents, queued.latents);
  EXPECT_EQ(again.latents, queued.latents);
  // From the first step to the last but one nothing is allocated, handed over or waited for; the
  // last step's values are looked at.
  for (const Sampled* run : {&recorded, &again}) {
    const std::vector<HostTraffic>& traffic = run->traffic;
    ASSERT_EQ(traffic.size(), 10U);
    for (std::size_t i = 1; i + 1 < traffic.size(); ++i) EXPECT_EQ(traffic[i], traffic[0]) << i;
    EXPECT_EQ(traffic[9].uploads, traffic[0].uploads);
    EXPECT_EQ(traffic[9].waits, traffic[0].waits + 1);
  }
}

TEST_P(CudaModel, SamplesFromARecordedStep) {
  if (cuda::device_count() == 0) GTEST_SKIP() << "no GPU";
  expect_recorded_steps(ShapeModel::open(std::string(SINTER_SOURCE_DIR) + "/models/sinter-small"),
                        GetParam());
}

TEST_P(CudaModel, SamplesFromARecordedStepOfExperts) {
  if (cuda::device_count() == 0) GTEST_SKIP() << "no GPU";
  expect_recorded_steps(random_plain_model(), GetParam());
}

TEST(CudaRecording, RefusesWhatCannotBeReplayed) {
  if (cuda::device_count() == 0) GTEST_SKIP() << "no GPU";
  Context ctx(ops::cuda::make_backend(0), DType::f16);
  Accelerator& device = *ctx.accelerator();
  const OwnedTensor values("recorded values", {3, 5});
  const Tensor x = ops::to_device(ctx, values, DType::f32);
  const auto record = [&](const std::function<void()>& work) {
    return [&device, work] { device.record(work); };
  };
  EXPECT_THROW(record([&] { values_of(ctx, x); })(), Error);
  EXPECT_THROW(record([&] { const Buffer more(1 << 20, &device); })(), Error);
  EXPECT_THROW(record([&] { device.upload(values, x); })(), Error);
  EXPECT_THROW(record([] { fail(ErrorCode::cancelled, "cancelled"); })(), Error);
  // The device is usable after each, and a recording does its work when it is replayed, not before.
  const auto doubling = device.record([&] { ops::add_in_place(ctx, x, x); });
  const std::vector<float> before = values_of(ctx, x);
  doubling->replay();
  doubling->replay();
  const std::vector<float> after = values_of(ctx, x);
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i], values.view().f32()[i]);
    EXPECT_EQ(after[i], 4 * before[i]);
  }
}

/// FlashVDM's part of the decoder: parts of space of different sizes, more than choose their keys
/// at a time, one larger than what is answered at a time, one without points.
struct Regions {
  std::vector<std::int64_t> sizes, samples;
  std::int64_t points = 0, sample_points = 0;

  Regions() {
    for (std::int64_t n = 0; n < 41; ++n) {
      sizes.push_back(n == 7 ? 33000 : n * 13 % 70);
      samples.push_back((n == 7 ? 500 : 40 + n * 5 % 17) + unused(n));
      points += sizes.back();
      sample_points += samples.back();
    }
  }
  /// Points behind a region's sample, so that not all samples lie side by side.
  static std::int64_t unused(std::int64_t region) { return region % 4 == 3 ? 2 : 0; }
};

/// Points of each region within a box of its own.
OwnedTensor region_points(std::string_view name,
                          const std::vector<std::int64_t>& sizes,
                          std::int64_t total) {
  OwnedTensor points(name, {total, 3});
  float* xyz = points.view().f32_mut();
  for (std::size_t n = 0; n < sizes.size(); ++n) {
    for (std::int64_t i = 0; i < sizes[n]; ++i, xyz += 3) {
      for (std::size_t axis = 0; axis < 3; ++axis)
        xyz[axis] = 0.15F * xyz[axis] + 0.35F * (static_cast<float>((n >> axis) % 5) - 2.0F);
    }
  }
  return points;
}

struct Focused {
  std::vector<float> together, alone,
      all;  ///< logits: of all groups, of one on the host, of all keys
};

Focused run_focused(const ShapeModel& model, Context& ctx, KeyRule rule) {
  const Regions regions;
  const ShapeModelConfig& config = model.config();
  const OwnedTensor noise("input.latents", {config.vae.num_latents, config.vae.embed_dim}, 1.75F);
  const OwnedTensor points = region_points("regions", regions.sizes, regions.points);
  const OwnedTensor samples = region_points("samples", regions.samples, regions.sample_points);
  const OwnedTensor alone({333}, NAN), all({regions.points}, NAN);
  ctx.threads = 2;
  const auto vae = model.load_vae(ctx.placement());
  const Tensor latents = ops::to_device(ctx, noise, DType::f32);
  const GeometryMemory memory = vae->remember(ctx, vae->decode(ctx, latents));

  const Tensor in = ops::to_device(ctx, points, DType::f32);
  const Tensor sample = ops::to_device(ctx, samples, DType::f32);
  const Tensor out = ctx.allocate(DType::f32, {regions.points});
  std::vector<QueryGroup> groups;
  std::int64_t first = 0, at = 0;
  for (std::int64_t n = 0; n < std::ssize(regions.sizes); ++n) {
    const auto region = static_cast<std::size_t>(n);
    const std::int64_t last = first + regions.sizes[region], end = at + regions.samples[region];
    groups.push_back({sample.slice(at, end - Regions::unused(n)),
                      in.slice(first, last),
                      out.slice(first, last)});
    first = last;
    at = end;
  }
  vae->query_groups(ctx, memory, groups, rule);
  const Tensor some = points.view().slice(400, 733);
  const QueryGroup on_host{samples.view().slice(400, 700), some, alone};
  vae->query_groups(ctx, memory, {&on_host, 1}, rule);
  vae->query(ctx, memory, points, all);
  return {values_of(ctx, out), values_of(ctx, alone), values_of(ctx, all)};
}

TEST_P(CudaModel, FocusesAsTheCpu) {
  if (cuda::device_count() == 0) GTEST_SKIP() << "no GPU";
  const ShapeModel model =
      ShapeModel::open(std::string(SINTER_SOURCE_DIR) + "/models/sinter-small");
  for (const KeyRule rule : {KeyRule::mean, KeyRule::merged}) {
    Context host, device(ops::cuda::make_backend(0), GetParam());
    const Focused expected = run_focused(model, host, rule);
    const Focused got = run_focused(model, device, rule);
    const char* name = rule == KeyRule::mean ? "mean" : "merged";
    // Roundings may exchange keys at the cut. These are a small part of all that are left out, and
    // what that part changes is less than what leaving out all of them does.
    const double left_out = relative_error(expected.together, expected.all);
    const double limit = limit_of(GetParam()) + 0.25 * left_out;
    const double together = relative_error(got.together, expected.together);
    const double alone = relative_error(got.alone, expected.alone);
    std::printf("%s %s: together %.2e, alone %.2e, left out %.2e\n",
                to_string(GetParam()),
                name,
                together,
                alone,
                left_out);
    EXPECT_LT(together, limit) << name;
    EXPECT_LT(alone, limit) << name;
    if (rule == KeyRule::mean) {
      EXPECT_GT(left_out, 0.0);
    }
  }
}

std::vector<float> velocity_of(const ShapeModel& model, Context& ctx) {
  const OwnedTensor condition("input.condition", {257, 192}, 1.75F);
  const ShapeVaeConfig& vae = model.config().vae;
  const OwnedTensor noise("input.latents", {vae.num_latents, vae.embed_dim}, 1.75F);
  ctx.threads = 2;
  const auto dit = model.load_dit(ctx.placement());
  const std::vector<float> times = {0.25F, 0.375F};
  ArenaScope scope(ctx.arena());
  const Denoise denoise = dit->begin(
      ctx, {.condition = ops::to_device(ctx, condition), .times = times, .guidance = 5.0F});
  const Tensor latents = ops::to_device(ctx, noise, DType::f32);
  const Tensor velocity = ctx.allocate(DType::f32, {2, latents.dim(0), latents.dim(1)});
  denoise(ctx, 1, latents, velocity);
  return values_of(ctx, velocity);
}

/// Products of e4m3. A rounding changes a value by 2.6 % on average (half a step of 2^-3 at most,
/// over sqrt 3, over an octave), those of both operands by 3.6 %; what each block adds to the
/// stream is off by that and more where products follow one another, at random, the stream by less.
TEST_P(CudaModel, ProductsOfE4m3StayClose) {
  if (cuda::device_count() == 0) GTEST_SKIP() << "no GPU";
  const ShapeModel model =
      ShapeModel::open(std::string(SINTER_SOURCE_DIR) + "/models/sinter-small");
  const std::shared_ptr<Accelerator> gpu = ops::cuda::make_backend(0);
  Context host, narrow(gpu, GetParam(), true), wide(gpu, GetParam());
  const std::vector<float> expected = velocity_of(model, host);
  const std::vector<float> got = velocity_of(model, narrow);
  const double error = relative_error(got, expected);
  const double wide_error = relative_error(velocity_of(model, wide), expected);
  std::printf("%s velocity: e4m3 %.2e, without %.2e\n", to_string(GetParam()), error, wide_error);
  EXPECT_LT(error, 0.08);
  EXPECT_GT(error, 2 * wide_error) << "nothing was e4m3";
  EXPECT_EQ(velocity_of(model, narrow), got) << "a second run gives other bytes";
}

INSTANTIATE_TEST_SUITE_P(Types, CudaModel, testing::Values(DType::f16, DType::bf16));

}  // namespace
}  // namespace sinter::models
