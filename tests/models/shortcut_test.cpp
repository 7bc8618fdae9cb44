// What makes the networks faster must not change what they compute.

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "models/golden.h"

namespace sinter::models {
namespace {

constexpr std::int64_t kTokens = 9, kChannels = 16;

struct DitRun {
  bool collapse = true;
  bool table = true;
  bool skip_zero = true;
  bool guided = true;
  int threads = 1;
  std::int64_t context = 23;  // condition tokens
};

/// Velocity of the second of three steps.
std::vector<float> run_dit(const std::string& bundle, const DitRun& run) {
  const auto dit = random_model(bundle).load_dit({.threads = 1});
  Context ctx;
  ctx.threads = run.threads;
  ctx.switches.collapse_unconditional = run.collapse;
  ctx.switches.modulation_table = run.table;
  ctx.switches.skip_zero_context = run.skip_zero;
  const OwnedTensor latents("shortcut.latents", {kTokens, kChannels}, 2.0F);
  const OwnedTensor context("shortcut.context", {run.context, 128}, 2.0F);
  const OwnedTensor velocity({run.guided ? 2 : 1, kTokens, kChannels}, NAN);
  const std::vector<float> times = {0.0F, 0.4F, 0.7F};
  const Denoise denoise = dit->begin(
      ctx, {.condition = context, .times = times, .guidance = 2.0F, .guided = run.guided});
  denoise(ctx, 1, latents, velocity);
  const std::span<const float> values = velocity.view().span();
  return {values.begin(), values.end()};
}

class DitShortcut : public testing::TestWithParam<std::string> {};

// Allowed is 1e-5; the plain path itself is only right to about 1e-6.
TEST_P(DitShortcut, EachEqualsThePlainPath) {
  const std::vector<float> plain = run_dit(GetParam(), {.collapse = false, .table = false});
  EXPECT_LT(relative_error(run_dit(GetParam(), {.table = false}), plain), 1e-5);
  EXPECT_LT(relative_error(run_dit(GetParam(), {.collapse = false}), plain), 1e-5);
  EXPECT_LT(relative_error(run_dit(GetParam(), {}), plain), 1e-5);
}

// With one condition token there is nothing to collapse; the key bias is ln(1) = 0.
TEST_P(DitShortcut, CollapseOfOneTokenChangesNoByte) {
  EXPECT_EQ(run_dit(GetParam(), {.context = 1}),
            run_dit(GetParam(), {.collapse = false, .context = 1}));
}

// The unconditional half depends on the number of zero tokens: a collapse that forgot the key bias
// would not.
TEST_P(DitShortcut, CollapsedTokenKeepsItsMultiplicity) {
  const std::size_t half = kTokens * kChannels;
  const std::vector<float> few = run_dit(GetParam(), {.context = 2});
  const std::vector<float> many = run_dit(GetParam(), {.context = 200});
  EXPECT_GT(relative_error(std::span(few).subspan(half), std::span(many).subspan(half)), 1e-2);
}

// Rows do not influence each other in a product, so stacking the halves changes no bit.
TEST_P(DitShortcut, StackedHalvesEqualASingleRun) {
  const std::vector<float> both = run_dit(GetParam(), {});
  const std::vector<float> alone = run_dit(GetParam(), {.guided = false});
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), both.begin()));
}

TEST_P(DitShortcut, ThreadsChangeNoByte) {
  const std::vector<float> one = run_dit(GetParam(), {});
  for (const int threads : {2, 3}) EXPECT_EQ(run_dit(GetParam(), {.threads = threads}), one);
}

// What is shown of a step's modules makes the step.
TEST_P(DitShortcut, ModulesAreWhatTheBlocksAdd) {
  const auto dit = random_model(GetParam()).load_dit({.threads = 1});
  Context ctx;
  const OwnedTensor latents("shortcut.latents", {kTokens, kChannels}, 2.0F);
  const OwnedTensor context("shortcut.context", {23, 128}, 2.0F);
  const OwnedTensor shown({2, kTokens, kChannels}, NAN), filled({2, kTokens, kChannels}, NAN);
  const std::vector<float> times = {0.0F, 0.4F, 0.7F};
  const Denoise denoise =
      dit->begin(ctx, {.condition = context, .times = times, .guidance = 2.0F, .guided = true});
  ops::StepNetwork& parts = *denoise.parts();
  ArenaScope scope(ctx.arena());
  parts.prepare(ctx, kTokens);
  std::vector<std::vector<float>> outputs(static_cast<std::size_t>(parts.modules()));
  parts.embed(ctx, 1, latents);
  parts.show_modules(ctx, 1, [&](Context&, int module, const Tensor& output) {
    EXPECT_EQ(output.dim(0), 2 * kTokens);
    auto& values = outputs[static_cast<std::size_t>(module)];
    EXPECT_TRUE(values.empty()) << module;
    values.assign(output.f32(), output.f32() + output.elements());
  });
  parts.head(ctx, 1, shown);
  parts.embed(ctx, 1, latents);
  parts.fill_modules(ctx, 1, [&](Context&, int module, const Tensor& output) {
    const auto& values = outputs[static_cast<std::size_t>(module)];
    ASSERT_EQ(values.size(), static_cast<std::size_t>(output.elements()));
    std::copy(values.begin(), values.end(), output.f32_mut());
  });
  parts.take_trunk(ctx, 1);
  parts.head(ctx, 1, filled);
  const auto values = [](const OwnedTensor& x) {
    const std::span<const float> span = x.view().span();
    return std::vector<float>(span.begin(), span.end());
  };
  // Sums in another order.
  EXPECT_LT(relative_error(values(shown), run_dit(GetParam(), {})), 1e-6);
  EXPECT_LT(relative_error(values(filled), values(shown)), 1e-6);
  // At another time the gates are others.
  const OwnedTensor later({2, kTokens, kChannels}, NAN);
  parts.embed(ctx, 2, latents);
  parts.fill_modules(ctx, 2, [&](Context&, int module, const Tensor& output) {
    const auto& kept = outputs[static_cast<std::size_t>(module)];
    std::copy(kept.begin(), kept.end(), output.f32_mut());
  });
  parts.take_trunk(ctx, 1);
  parts.head(ctx, 1, later);
  EXPECT_GT(relative_error(values(later), values(filled)), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Random,
                         DitShortcut,
                         testing::Values("base", "distilled"),
                         [](const auto& test_case) { return test_case.param; });

// Keys and values of zeros are zeros, and a product with zeros is its bias: not a byte differs, but
// for the order in which the bias is added to the residual.
TEST(PlainShortcut, ZeroContextEqualsItsBias) {
  const std::vector<float> plain = run_dit("v2-1", {.skip_zero = false});
  EXPECT_LT(relative_error(run_dit("v2-1", {}), plain), 1e-6);
  // what the condition is does not reach the unconditional half, nor how long it is
  const std::size_t half = kTokens * kChannels;
  const std::vector<float> other = run_dit("v2-1", {.context = 5});
  const std::vector<float> same = run_dit("v2-1", {});
  EXPECT_TRUE(std::equal(other.begin() + half, other.end(), same.begin() + half));
  EXPECT_GT(relative_error(std::span(other).first(half), std::span(same).first(half)), 1e-2);
}

TEST(PlainShortcut, StackedHalvesEqualASingleRun) {
  const std::vector<float> both = run_dit("v2-1", {});
  const std::vector<float> alone = run_dit("v2-1", {.guided = false});
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), both.begin()));
}

TEST(PlainShortcut, ThreadsChangeNoByte) {
  const std::vector<float> one = run_dit("v2-1", {});
  for (const int threads : {2, 3}) EXPECT_EQ(run_dit("v2-1", {.threads = threads}), one);
}

class AnyDit : public testing::TestWithParam<std::string> {};

TEST_P(AnyDit, RefusesTensorsOfOtherShapes) {
  const auto dit = random_model(GetParam()).load_dit({.threads = 1});
  Context ctx;
  const OwnedTensor context("shortcut.context", {5, 128});
  const OwnedTensor narrow("shortcut.context", {5, 127});
  const std::vector<float> times = {0.0F};
  EXPECT_THROW(dit->begin(ctx, {.condition = narrow, .times = times}), Error);
  const Denoise denoise = dit->begin(ctx, {.condition = context, .times = times});
  const OwnedTensor latents("shortcut.latents", {kTokens, kChannels});
  const OwnedTensor one_half({1, kTokens, kChannels});
  EXPECT_THROW(denoise(ctx, 0, latents, one_half), Error);
  const OwnedTensor wide("shortcut.latents", {kTokens, kChannels + 1});
  const OwnedTensor velocity({2, kTokens, kChannels});
  EXPECT_THROW(denoise(ctx, 0, wide, velocity), Error);
}

TEST_P(AnyDit, StopsWhenCancelled) {
  const auto dit = random_model(GetParam()).load_dit({.threads = 1});
  Context ctx;
  std::atomic<bool> cancel = false;
  ctx.cancel = &cancel;
  ctx.tap = [&](std::string_view name, const Tensor&) {
    if (name == "double_blocks.1.txt" || name == "blocks.1") cancel = true;
    EXPECT_NE(name, "single_blocks.0") << "ran on";
    EXPECT_NE(name, "blocks.2") << "ran on";
  };
  const std::vector<float> times = {0.5F};
  const OwnedTensor velocity({1, kTokens, kChannels});
  const OwnedTensor context("shortcut.context", {5, 128});
  const Denoise denoise = dit->begin(ctx, {.condition = context, .times = times, .guided = false});
  const OwnedTensor latents("shortcut.latents", {kTokens, kChannels});
  try {
    denoise(ctx, 0, latents, velocity);
    FAIL() << "ran to the end";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::cancelled);
  }
}

INSTANTIATE_TEST_SUITE_P(Random,
                         AnyDit,
                         testing::Values("base", "v2-1"),
                         [](const auto& test_case) {
                           return test_case.param == "base" ? "base" : "v2_1";
                         });

struct Decoded {
  Loaded<ShapeVae> vae;
  GeometryMemory memory;
};

Decoded decode(Context& ctx, const std::string& bundle) {
  auto vae = random_model(bundle).load_vae({.threads = 1});
  const OwnedTensor latents("shortcut.latents", {12, 16}, 2.0F);
  GeometryMemory memory = vae->remember(ctx, vae->decode(ctx, latents));
  return {std::move(vae), std::move(memory)};
}

// 600 points are two blocks and a part of one.
TEST(GeometryDecoder, APointDoesNotDependOnTheOthers) {
  constexpr std::int64_t kPoints = 600;
  for (const char* bundle : {"base", "distilled"}) {
    Context ctx;
    const Decoded decoded = decode(ctx, bundle);
    const OwnedTensor points("shortcut.points", {kPoints, 3});
    const OwnedTensor together({kPoints}, NAN);
    decoded.vae->query(ctx, decoded.memory, points, together);
    for (const std::int64_t p : {0, 255, 256, 511, 512, 599}) {
      const OwnedTensor alone({1}, NAN);
      decoded.vae->query(ctx, decoded.memory, points.view().slice(p, p + 1), alone);
      EXPECT_EQ(alone.view().f32()[0], together.view().f32()[p]) << bundle << " point " << p;
    }
    for (const int threads : {2, 3}) {
      ctx.threads = threads;
      const OwnedTensor again({kPoints}, NAN);
      decoded.vae->query(ctx, decoded.memory, points, again);
      EXPECT_TRUE(std::equal(
          again.view().span().begin(), again.view().span().end(), together.view().span().begin()));
    }
  }
}

TEST(GeometryDecoder, AcceptsNoPointsAndRefusesOtherShapes) {
  Context ctx;
  const Decoded decoded = decode(ctx, "base");
  const OwnedTensor points("shortcut.points", {4, 3});
  const OwnedTensor logits({4});
  EXPECT_NO_THROW(decoded.vae->query(
      ctx, decoded.memory, points.view().slice(0, 0), logits.view().slice(0, 0)));
  EXPECT_THROW(decoded.vae->query(ctx, decoded.memory, points, logits.view().slice(0, 3)), Error);
  EXPECT_THROW(decoded.vae->query(ctx, decoded.memory, logits, logits), Error);
}

TEST(GeometryDecoder, StopsWhenCancelled) {
  Context ctx;
  const Decoded decoded = decode(ctx, "base");
  const OwnedTensor points("shortcut.points", {4, 3});
  const OwnedTensor logits({4});
  const std::atomic<bool> cancel = true;
  ctx.cancel = &cancel;
  ctx.threads = 2;
  try {
    decoded.vae->query(ctx, decoded.memory, points, logits);
    FAIL() << "ran to the end";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::cancelled);
  }
}

TEST(Surface, SelectionKeepsTheBudget) {
  const ShapeVaeConfig& config = random_model("base").config().vae;  // 12 tokens, 60 + 30 points
  Context ctx;
  const OwnedTensor surface("shortcut.surface", {90, 7});
  const SurfaceSelection selection = select_surface(ctx, config, surface, 5);
  // 8 of 12 queries are uniform; 4 points a query are kept, of the sharp set 16.
  ASSERT_EQ(selection.queries.size(), 12U);
  ASSERT_EQ(selection.data.size(), 48U);
  const std::set<std::int64_t> data(selection.data.begin(), selection.data.end());
  const std::set<std::int64_t> queries(selection.queries.begin(), selection.queries.end());
  EXPECT_EQ(data.size(), 48U);
  EXPECT_EQ(queries.size(), 12U);
  for (std::size_t i = 0; i < 48; ++i) EXPECT_EQ(selection.data[i] < 60, i < 32) << i;
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(selection.queries[i] < 60, i < 8) << i;
    EXPECT_TRUE(data.contains(selection.queries[i]));
  }
  const SurfaceSelection again = select_surface(ctx, config, surface, 5);
  EXPECT_EQ(again.queries, selection.queries);
  EXPECT_NE(select_surface(ctx, config, surface, 6).queries, selection.queries);
}

// Farthest-point sampling: no query may be nearer to another query than the kept points are to
// their nearest query.
TEST(Surface, QueriesCoverTheKeptPoints) {
  ShapeVaeConfig config = random_model("base").config().vae;
  config.pc_sharpedge_size = 0;
  config.pc_size = 90;
  Context ctx;
  const OwnedTensor surface("shortcut.surface", {90, 7});
  const SurfaceSelection selection = select_surface(ctx, config, surface, 1);
  ASSERT_EQ(selection.queries.size(), 12U);
  const auto distance = [&](std::int64_t a, std::int64_t b) {
    const float *p = surface.view().f32() + 7 * a, *q = surface.view().f32() + 7 * b;
    return std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
  };
  float cover = 0, apart = INFINITY;
  for (const std::int64_t row : selection.data) {
    float nearest = INFINITY;
    for (const std::int64_t query : selection.queries) {
      nearest = std::min(nearest, distance(row, query));
      if (row != query && std::count(selection.queries.begin(), selection.queries.end(), row)) {
        apart = std::min(apart, distance(row, query));
      }
    }
    cover = std::max(cover, nearest);
  }
  EXPECT_GE(apart, cover * 0.9999F);
}

TEST(Surface, RefusesAnotherNumberOfPoints) {
  Context ctx;
  const OwnedTensor surface("shortcut.surface", {89, 7});
  EXPECT_THROW(select_surface(ctx, random_model("base").config().vae, surface, 1), Error);
}

}  // namespace
}  // namespace sinter::models
