#include "ops/norm.h"

#include "ops/test_support.h"

namespace sinter::ops::test {
namespace {

SINTER_OPS_TEST_SUITE(Norm);

struct Moments {
  double mean = 0.0, variance = 0.0, square = 0.0;
};

Moments moments(const float* x, std::int64_t count) {
  Moments m;
  for (std::int64_t i = 0; i < count; ++i) m.mean += x[i] / static_cast<double>(count);
  for (std::int64_t i = 0; i < count; ++i) {
    m.variance += (x[i] - m.mean) * (x[i] - m.mean) / static_cast<double>(count);
    m.square += double{x[i]} * x[i] / static_cast<double>(count);
  }
  return m;
}

const std::int64_t kWidths[] = {1, 2, 7, 15, 16, 17, 51, 64, 65, 127, 256, 1000, 1536};
constexpr float kEps = 1e-6F;

// Normalised values are of order 1, each a few roundings of 6e-8 from the exact one; the mean of
// values around 3 is known to about 2e-7, relative to a deviation of 1.
constexpr double kTolerance = 2e-6;

TEST_P(Norm, LayerNormMatchesFloat64) {
  for (const std::int64_t width : kWidths) {
    Guarded x = random_values({3, 5, width}, 1, 1.0F, 3.0F);
    Guarded weight = random_values({width}, 2), bias = random_values({width}, 3);
    const std::vector<float> before = x.copy();
    const Tensor affine = layer_norm(ctx, x.tensor(), weight.tensor(), bias.tensor(), kEps);
    const Tensor plain = layer_norm(ctx, x.tensor(), {}, {}, kEps);
    const Tensor modulated =
        layer_norm_modulate(ctx, x.tensor(), {bias.tensor(), weight.tensor(), kEps});
    ASSERT_EQ(affine.shape, x.tensor().shape);
    EXPECT_TRUE(same_bytes(x.copy(), before));
    for (std::int64_t r = 0; r < 15; ++r) {
      const Moments m = moments(x.data() + r * width, width);
      for (std::int64_t c = 0; c < width; ++c) {
        const std::int64_t at = r * width + c;
        const double n = (x[at] - m.mean) / std::sqrt(m.variance + double{kEps});
        const double tolerance = kTolerance * (1.0 + std::abs(weight[c])) * (1.0 + std::abs(n));
        ASSERT_NEAR(plain.f32()[at], n, tolerance) << width;
        ASSERT_NEAR(affine.f32()[at], n * weight[c] + bias[c], tolerance) << width;
        ASSERT_NEAR(modulated.f32()[at], n * (1.0 + weight[c]) + bias[c], tolerance) << width;
      }
    }
  }
}

TEST_P(Norm, LayerNormSurvivesALargeMean) {
  // E[x^2] - mean^2 would lose every digit of a variance of 1 here.
  Guarded x = random_values({2, 300}, 4, 1.0F, 5000.0F);
  const Tensor y = layer_norm(ctx, x.tensor(), {}, {}, kEps);
  for (std::int64_t r = 0; r < 2; ++r) {
    const Moments m = moments(x.data() + r * 300, 300);
    for (std::int64_t c = 0; c < 300; ++c) {
      const double n = (x[r * 300 + c] - m.mean) / std::sqrt(m.variance + double{kEps});
      // The mean itself is rounded: 5000 * 6e-8 * a few.
      ASSERT_NEAR(y.f32()[r * 300 + c], n, 3e-3);
    }
  }
}

TEST_P(Norm, UsesEps) {
  Guarded x({1, 40});
  for (std::int64_t i = 0; i < 40; ++i) x[i] = i % 2 == 0 ? 1e-4F : -1e-4F;
  // Variance 1e-8 against eps 1e-6 and 1e-5.
  EXPECT_NEAR(layer_norm(ctx, x.tensor(), {}, {}, 1e-6F).f32()[0], 1e-4 / std::sqrt(1.01e-6), 1e-6);
  EXPECT_NEAR(
      layer_norm(ctx, x.tensor(), {}, {}, 1e-5F).f32()[0], 1e-4 / std::sqrt(1.001e-5), 1e-6);
}

TEST_P(Norm, HeadNormsMatchFloat64InEveryLayout) {
  struct Layout {
    std::int64_t heads, dim, first, stride, width;
  };
  // [q|k|v][head][d], [head][q|k|v][d], plain with an odd width, a slice of a wider row.
  const Layout layouts[] = {{4, 64, 256, 64, 768},
                            {3, 64, 64, 192, 576},
                            {2, 37, 0, 37, 74},
                            {5, 12, 7, 13, 90},
                            {1, 128, 0, 128, 128}};
  for (const Layout& l : layouts) {
    for (const bool layer : {true, false}) {
      Guarded x = random_values({9, l.width}, 5, 2.0F, 0.5F);
      Guarded weight = random_values({l.dim}, 6), bias = random_values({l.dim}, 7);
      const std::vector<float> before = x.copy();
      const HeadView view = heads_of(x.tensor(), l.heads, l.dim, l.first, l.stride);
      if (layer) {
        layer_norm_heads_in_place(ctx, view, weight.tensor(), bias.tensor(), kEps);
      } else {
        rms_norm_heads_in_place(ctx, view, weight.tensor(), kEps);
      }
      EXPECT_TRUE(x.intact());
      std::vector<double> expected(before.begin(), before.end());
      for (std::int64_t t = 0; t < 9; ++t) {
        for (std::int64_t h = 0; h < l.heads; ++h) {
          const std::int64_t at = t * l.width + l.first + h * l.stride;
          const Moments m = moments(before.data() + at, l.dim);
          for (std::int64_t c = 0; c < l.dim; ++c) {
            const double value = before[static_cast<std::size_t>(at + c)];
            expected[static_cast<std::size_t>(at + c)] =
                layer
                    ? (value - m.mean) / std::sqrt(m.variance + double{kEps}) * weight[c] + bias[c]
                    : value / std::sqrt(m.square + double{kEps}) * weight[c];
          }
        }
      }
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(x[static_cast<std::int64_t>(i)],
                    expected[i],
                    kTolerance * (3.0 + std::abs(expected[i])))
            << i;
        if (expected[i] == before[i]) {
          ASSERT_EQ(x[static_cast<std::int64_t>(i)], before[i]) << i;
        }
      }
    }
  }
}

TEST_P(Norm, BytesDoNotDependOnThreads) {
  Guarded x = random_values({301, 200}, 8), vector = random_values({200}, 9);
  Guarded head = random_values({50}, 10);
  expect_same_for_any_threads(
      [&] { return copy_of(layer_norm(ctx, x.tensor(), vector.tensor(), vector.tensor(), kEps)); });
  expect_same_for_any_threads([&] {
    Guarded y = x;
    rms_norm_heads_in_place(ctx, heads_of(y.tensor(), 4, 50), head.tensor(), kEps);
    return y.copy();
  });
}

TEST_P(Norm, RejectsWrongShapes) {
  Guarded x = random_values({3, 8}, 11), seven = random_values({7}, 12);
  Guarded eight = random_values({8}, 13);
  const auto bad = ErrorCode::invalid_argument;
  expect_error(bad, {"[layer_norm]", "weight", "[8]", "[7]"}, [&] {
    layer_norm(ctx, x.tensor(), seven.tensor(), eight.tensor(), kEps);
  });
  expect_error(bad, {"[layer_norm]", "bias", "no tensor"}, [&] {
    layer_norm(ctx, x.tensor(), eight.tensor(), {}, kEps);
  });
  expect_error(bad, {"[layer_norm_modulate]", "shift", "[7]"}, [&] {
    layer_norm_modulate(ctx, x.tensor(), {seven.tensor(), eight.tensor(), kEps});
  });
  expect_error(bad, {"[layer_norm_modulate]", "scale", "[7]"}, [&] {
    layer_norm_modulate(ctx, x.tensor(), {eight.tensor(), seven.tensor(), kEps});
  });
  const HeadView view = heads_of(x.tensor(), 2, 4);
  expect_error(bad, {"[rms_norm_heads]", "scale", "[4]", "[8]"}, [&] {
    rms_norm_heads_in_place(ctx, view, eight.tensor(), kEps);
  });
  expect_error(bad, {"[layer_norm_heads]", "weight", "[4]"}, [&] {
    layer_norm_heads_in_place(ctx, view, eight.tensor(), eight.tensor(), kEps);
  });
  Tensor half = x.tensor();
  half.dtype = DType::f16;
  expect_error(bad, {"[layer_norm]", "f16"}, [&] { layer_norm(ctx, half, {}, {}, kEps); });
  Tensor elsewhere = x.tensor();
  elsewhere.device = Device::cuda;
  expect_error(bad, {"[layer_norm]", "cuda"}, [&] { layer_norm(ctx, elsewhere, {}, {}, kEps); });
}

}  // namespace
}  // namespace sinter::ops::test
