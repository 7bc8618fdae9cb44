#include "sampling/sampler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

namespace sinter::sampling {
namespace {

constexpr std::int64_t kTokens = 5, kChannels = 3, kCount = kTokens * kChannels;

std::vector<float> start() {
  std::vector<float> x;
  for (std::int64_t i = 0; i < kCount; ++i) {
    x.push_back(std::sin(1.7F * static_cast<float>(i)) + 0.1F);
  }
  return x;
}

/// Runs the sampler on start(), returns the latents.
std::vector<float> run(Context& ctx,
                       const Schedule& schedule,
                       const SamplerOptions& options,
                       const VelocityFn& velocity,
                       const ProgressFn& progress = {}) {
  std::vector<float> x = start();
  Tensor latents{.data = x.data(), .shape = {kTokens, kChannels}, .name = "x"};
  sample(ctx, schedule, options, latents, velocity, progress);
  return x;
}

/// Conditional half: sigma - x / 2. Unconditional half: cos(x) + sigma.
VelocityFn analytic(const Schedule& schedule) {
  return [&schedule](Context&, const ops::Step& step, const Tensor& x, const Tensor& v) {
    const float sigma = schedule.times()[static_cast<std::size_t>(step.number)];
    for (std::int64_t i = 0; i < kCount; ++i) {
      v.f32_mut()[i] = sigma - 0.5F * x.f32()[i];
      if (v.dim(0) == 2) v.f32_mut()[kCount + i] = std::cos(x.f32()[i]) + sigma;
    }
  };
}

TEST(Sampler, GuidedEulerMatchesFloat64) {
  for (const int steps : {1, 2, 7, 50}) {
    const Schedule schedule = make_schedule({}, steps);
    Context ctx;
    const SamplerOptions options{.guidance = 3.5F, .guided = true};
    const std::vector<float> got = run(ctx, schedule, options, analytic(schedule));
    for (std::size_t i = 0; i < got.size(); ++i) {
      double x = start()[i];
      for (int k = 0; k < steps; ++k) {
        const double sigma = schedule.sigmas[static_cast<std::size_t>(k)];
        const double next = schedule.sigmas[static_cast<std::size_t>(k) + 1];
        const double c = sigma - 0.5 * x, u = std::cos(x) + sigma;
        x += (next - sigma) * (u + 3.5 * (c - u));
      }
      // Fifty updates of values of size 1, a few roundings of 6e-8 each.
      EXPECT_NEAR(got[i], x, 5e-6) << steps << " steps, element " << i;
    }
  }
}

TEST(Sampler, UnguidedUsesTheOnlyHalf) {
  const Schedule schedule = make_schedule({}, 4);
  Context ctx;
  const SamplerOptions options{.guidance = 100.0F, .guided = false};
  const auto velocity = [](Context&, const ops::Step&, const Tensor&, const Tensor& v) {
    ASSERT_EQ(v.shape, (Shape{1, kTokens, kChannels}));
    std::fill_n(v.f32_mut(), kCount, 2.0F);
  };
  const std::vector<float> got = run(ctx, schedule, options, velocity);
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], start()[i] + 2.0F, 1e-6F);
}

TEST(Sampler, ZeroStepsChangeNothing) {
  const Schedule all = make_schedule({}, 6), fewer = all.without_zero_steps();
  ASSERT_EQ(all.delta(5), 0.0F);
  EXPECT_EQ(fewer.steps(), 5);
  EXPECT_EQ(fewer.sigmas.back(), 1.0F);
  Context ctx;
  EXPECT_EQ(run(ctx, fewer, {}, analytic(fewer)), run(ctx, all, {}, analytic(all)));
  EXPECT_EQ(fewer.without_zero_steps().sigmas, fewer.sigmas);
}

TEST(Sampler, ReportsProgress) {
  const Schedule schedule = make_schedule({}, 5);
  Context ctx;
  std::vector<std::pair<int, int>> seen;
  run(ctx, schedule, {}, analytic(schedule), [&](int done, int total) {
    seen.emplace_back(done, total);
  });
  EXPECT_EQ(seen, (std::vector<std::pair<int, int>>{{1, 5}, {2, 5}, {3, 5}, {4, 5}, {5, 5}}));
}

TEST(Sampler, StopsWhenCancelled) {
  const Schedule schedule = make_schedule({}, 20);
  Context ctx;
  std::atomic<bool> cancel = false;
  ctx.cancel = &cancel;
  int done = 0;
  try {
    run(ctx, schedule, {}, analytic(schedule), [&](int now, int) {
      done = now;
      cancel = now == 3;
    });
    FAIL() << "ran to the end";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::cancelled);
  }
  EXPECT_EQ(done, 3);
  EXPECT_EQ(ctx.arena().bytes_in_use(), 0U);
}

TEST(Sampler, RefusesVelocitiesThatAreNotFinite) {
  const Schedule schedule = make_schedule({}, 3);
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Context ctx;
    try {
      run(ctx, schedule, {}, [&](Context&, const ops::Step& step, const Tensor&, const Tensor& v) {
        std::fill_n(v.f32_mut(), v.elements(), 1.0F);
        if (step.number == 1) v.f32_mut()[4] = bad;
      });
      FAIL() << "accepted " << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt);
      EXPECT_NE(error.message().find("step 1"), std::string::npos);
    }
  }
}

TEST(Sampler, RefusesLatentsOfAnotherRank) {
  std::vector<float> x(8, 1.0F);
  Context ctx;
  const Tensor latents{.data = x.data(), .shape = {1, 4, 2}, .name = "x"};
  EXPECT_THROW(sample(ctx, make_schedule({}, 2), {}, latents, VelocityFn{}), Error);
}

}  // namespace
}  // namespace sinter::sampling
