#include "ops/embedding.h"

#include "ops/test_support.h"

namespace sinter::ops::test {
namespace {

SINTER_OPS_TEST_SUITE(Embedding);

TEST_P(Embedding, TimestepMatchesTheReleasedModel) {
  const float times[] = {0.5F, 1.0F, 0.0F};
  const Tensor y = timestep_embedding(ctx, times);
  ASSERT_EQ(y.shape, Shape({3, 256}));
  // Values of the released network's own function, in f32. Its angles reach 1000, where half a unit
  // in the last place is 3e-5.
  const float* e = y.f32();
  constexpr double kTolerance = 4e-5;
  EXPECT_NEAR(e[0], -0.883849, kTolerance);
  EXPECT_NEAR(e[1], -0.796846, kTolerance);
  EXPECT_NEAR(e[2], -0.919424, kTolerance);
  EXPECT_NEAR(e[64], -0.994657, kTolerance);
  EXPECT_NEAR(e[127], 0.863955, kTolerance);
  EXPECT_NEAR(e[128], -0.467772, kTolerance);
  EXPECT_NEAR(e[129], 0.604183, kTolerance);
  EXPECT_NEAR(e[256], 0.562379, kTolerance);
  EXPECT_NEAR(e[256 + 128], 0.826880, kTolerance);
  for (int i = 0; i < 128; ++i) {
    EXPECT_EQ(e[512 + i], 1.0F);
    EXPECT_EQ(e[512 + 128 + i], 0.0F);
  }
}

TEST_P(Embedding, TimestepMatchesFloat64) {
  const float times[] = {0.013F, 0.731F};
  for (const int dim : {2, 14, 256}) {
    const TimestepEmbeddingOptions options{.dim = dim, .max_period = 10000.0F, .factor = 10.0F};
    const Tensor y = timestep_embedding(ctx, times, options);
    for (int b = 0; b < 2; ++b) {
      for (int i = 0; i < dim / 2; ++i) {
        const double angle = 10.0 * times[b] * std::exp(-std::log(10000.0) * i / (dim / 2));
        // Angles up to 7.3 in f32.
        EXPECT_NEAR(y.f32()[b * dim + i], std::cos(angle), 3e-6);
        EXPECT_NEAR(y.f32()[b * dim + dim / 2 + i], std::sin(angle), 3e-6);
      }
    }
  }
}

// The 2.1 network: sines first, the time itself, width of the network.
TEST_P(Embedding, TimestepWithSinesFirst) {
  const float times[] = {1.0F, 0.5F};
  const TimestepEmbeddingOptions options{
      .dim = 2048, .max_period = 10000.0F, .factor = 1.0F, .sines_first = true};
  const Tensor y = timestep_embedding(ctx, times, options);
  ASSERT_EQ(y.shape, Shape({2, 2048}));
  const float* e = y.f32() + 2048;
  constexpr double kTolerance = 1e-6;  // the values have six digits
  EXPECT_NEAR(e[0], 0.479426, kTolerance);
  EXPECT_NEAR(e[1], 0.475492, kTolerance);
  EXPECT_NEAR(e[512], 0.005, kTolerance);
  EXPECT_NEAR(e[1024], 0.877583, kTolerance);
  EXPECT_NEAR(e[1025], 0.879720, kTolerance);
  EXPECT_NEAR(e[2047], 1.0, kTolerance);
}

TEST_P(Embedding, TimestepRejectsAnOddWidth) {
  const float times[] = {0.5F};
  expect_error(ErrorCode::invalid_argument, {"[timestep_embedding]", "dim", "255"}, [&] {
    timestep_embedding(ctx, times, {.dim = 255});
  });
}

// Values of the released network's own function.
TEST_P(Embedding, PositionMatchesTheReleasedModel) {
  const Tensor first = position_embedding(ctx, 1, 1536);
  ASSERT_EQ(first.shape, Shape({1536}));
  EXPECT_NEAR(first.f32()[0], 0.841471, 1e-6);
  EXPECT_NEAR(first.f32()[1], 0.834970, 1e-6);
  EXPECT_NEAR(first.f32()[768], 0.540302, 1e-6);
  EXPECT_NEAR(first.f32()[769], 0.550295, 1e-6);
  const Tensor third = position_embedding(ctx, 3, 1536);
  EXPECT_NEAR(third.f32()[0], 0.141120, 1e-6);
  EXPECT_NEAR(third.f32()[768], -0.989992, 1e-6);
  const Tensor origin = position_embedding(ctx, 0, 1536);
  for (int i = 0; i < 768; ++i) {
    EXPECT_EQ(origin.f32()[i], 0.0F);
    EXPECT_EQ(origin.f32()[768 + i], 1.0F);
  }
}

TEST_P(Embedding, PositionMatchesFloat64) {
  for (const int dim : {2, 14, 192}) {
    const Tensor y = position_embedding(ctx, 5, dim);
    for (int i = 0; i < dim / 2; ++i) {
      const double angle = 5.0 * std::exp(-std::log(10000.0) * i / (dim / 2));
      EXPECT_NEAR(y.f32()[i], std::sin(angle), 1e-7);
      EXPECT_NEAR(y.f32()[dim / 2 + i], std::cos(angle), 1e-7);
    }
  }
  expect_error(ErrorCode::invalid_argument, {"[position_embedding]", "dim", "7"}, [&] {
    position_embedding(ctx, 1, 7);
  });
}

TEST_P(Embedding, FourierMatchesTheReleasedModel) {
  Guarded point({1, 3});
  point[0] = 0.1F;
  point[1] = -0.5F;
  point[2] = 1.01F;
  const Tensor y = fourier_embed(ctx, point.tensor());
  ASSERT_EQ(y.shape, Shape({1, 51}));
  const float* e = y.f32();
  EXPECT_EQ(e[0], 0.1F);
  EXPECT_EQ(e[1], -0.5F);
  EXPECT_EQ(e[2], 1.01F);
  EXPECT_NEAR(e[3], 0.099833, 1e-6);
  EXPECT_NEAR(e[4], 0.198669, 1e-6);
  EXPECT_NEAR(e[10], 0.231510, 1e-6);
  EXPECT_NEAR(e[11], -0.479426, 1e-6);
  EXPECT_NEAR(e[19], 0.846832, 1e-6);
  EXPECT_NEAR(e[27], 0.995004, 1e-6);
  // cos(128 * 1.01): the point itself is rounded, times 128.
  EXPECT_NEAR(e[50], -0.889430, 1e-5);
}

TEST_P(Embedding, FourierMatchesFloat64) {
  for (const bool include_pi : {false, true}) {
    for (const int n : {1, 3, 8, 11, 16}) {
      Guarded points = random_values({29, 3}, 1, 0.5F);
      const FourierOptions options{n, include_pi};
      const int channels = fourier_channels(options);
      ASSERT_EQ(channels, 3 + 6 * n);
      const Tensor y = fourier_embed(ctx, points.tensor(), options);
      ASSERT_EQ(y.shape, Shape({29, channels}));
      for (int p = 0; p < 29; ++p) {
        const float* row = y.f32() + p * channels;
        for (int c = 0; c < 3; ++c) {
          ASSERT_EQ(row[c], points[3 * p + c]);
          for (int j = 0; j < n; ++j) {
            // The angle is a float: the product with pi is rounded once.
            const float base = include_pi ? points[3 * p + c] * 3.14159274F : points[3 * p + c];
            const double angle = std::ldexp(double{base}, j);
            ASSERT_NEAR(row[3 + n * c + j], std::sin(angle), 1e-7);
            ASSERT_NEAR(row[3 + 3 * n + n * c + j], std::cos(angle), 1e-7);
          }
        }
      }
    }
  }
}

TEST_P(Embedding, FourierDoesNotDependOnThreads) {
  Guarded points = random_values({2003, 3}, 2, 0.5F);
  expect_same_for_any_threads([&] { return copy_of(fourier_embed(ctx, points.tensor())); });
}

TEST_P(Embedding, FourierRejectsWrongShapes) {
  Guarded flat = random_values({6}, 3), wide = random_values({2, 4}, 4),
          good = random_values({2, 3}, 5);
  const auto bad = ErrorCode::invalid_argument;
  expect_error(bad, {"[fourier_embed]", "2 axes"}, [&] { fourier_embed(ctx, flat.tensor()); });
  expect_error(
      bad, {"[fourier_embed]", "[2, 3]", "[2, 4]"}, [&] { fourier_embed(ctx, wide.tensor()); });
  expect_error(bad, {"[fourier_embed]", "1..16", "17"}, [&] {
    fourier_embed(ctx, good.tensor(), {.num_freqs = 17});
  });
}

}  // namespace
}  // namespace sinter::ops::test
