// Patch embedding and resampling.

#include "ops/patch_embed.h"
#include "ops/resize.h"
#include "ops/test_support.h"

namespace sinter::ops::test {
namespace {

SINTER_OPS_TEST_SUITE(ImageOps);

TEST_P(ImageOps, PatchEmbedIsAStridedConvolution) {
  for (const int patch : {1, 3, 14}) {
    const std::int64_t channels = 3, height = 2 * patch, width = 3 * patch, out = 37;
    Guarded image = random_values({channels, height, width}, 1);
    Guarded weight = random_values({out, channels, patch, patch}, 2),
            bias = random_values({out}, 3);
    const LinearWeight packed(weight.tensor(), bias.tensor());
    const Tensor y = patch_embed(ctx, image.tensor(), packed, patch);
    ASSERT_EQ(y.shape, Shape({6, out}));
    for (std::int64_t row = 0; row < 2; ++row) {
      for (std::int64_t column = 0; column < 3; ++column) {
        for (std::int64_t o = 0; o < out; ++o) {
          double sum = bias[o];
          for (std::int64_t c = 0; c < channels; ++c) {
            for (int i = 0; i < patch; ++i) {
              for (int j = 0; j < patch; ++j) {
                sum += double{image[(c * height + row * patch + i) * width + column * patch + j]} *
                       weight[((o * channels + c) * patch + i) * patch + j];
              }
            }
          }
          // Partial sums of 588 products stay below 100, rounded to 4e-6 each, half of it at most.
          ASSERT_NEAR(y.f32()[(row * 3 + column) * out + o], sum, 1.5e-4);
        }
      }
    }
  }
}

TEST_P(ImageOps, PatchEmbedRejectsWrongShapes) {
  Guarded image = random_values({3, 28, 30}, 4), flat = random_values({28, 28}, 5);
  Guarded weight = random_values({8, 3, 14, 14}, 6), square = random_values({3, 28, 28}, 7);
  const LinearWeight packed(weight.tensor());
  const auto bad = ErrorCode::invalid_argument;
  expect_error(bad, {"[patch_embed]", "multiples of 14", "[3, 28, 30]"}, [&] {
    patch_embed(ctx, image.tensor(), packed, 14);
  });
  expect_error(
      bad, {"[patch_embed]", "3 axes"}, [&] { patch_embed(ctx, flat.tensor(), packed, 14); });
  expect_error(bad, {"[patch_embed]", "147 inputs", "588"}, [&] {
    patch_embed(ctx, square.tensor(), packed, 7);
  });
}

/// Triangle filter by its definition: every source pixel's weight, normalised, in float64.
std::vector<double> bilinear_reference(const std::vector<double>& line, std::int64_t size) {
  const auto in = static_cast<std::int64_t>(line.size());
  const double scale = static_cast<double>(in) / static_cast<double>(size);
  const double width = std::max(1.0, scale);
  std::vector<double> result;
  for (std::int64_t i = 0; i < size; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale - 0.5;
    double sum = 0.0, total = 0.0;
    for (std::int64_t s = 0; s < in; ++s) {
      const double weight = std::max(0.0, 1.0 - std::abs(static_cast<double>(s) - centre) / width);
      sum += weight * line[static_cast<std::size_t>(s)];
      total += weight;
    }
    result.push_back(sum / total);
  }
  return result;
}

/// Cubic convolution (Keys 1981) with A = -0.75 by its definition, borders repeated.
std::vector<double> bicubic_reference(const std::vector<double>& line, std::int64_t size) {
  const auto in = static_cast<std::int64_t>(line.size());
  const double scale = static_cast<double>(in) / static_cast<double>(size);
  const auto kernel = [](double x) {
    constexpr double kA = -0.75;
    x = std::abs(x);
    if (x <= 1.0) return (kA + 2.0) * x * x * x - (kA + 3.0) * x * x + 1.0;
    if (x < 2.0) return kA * x * x * x - 5.0 * kA * x * x + 8.0 * kA * x - 4.0 * kA;
    return 0.0;
  };
  std::vector<double> result;
  for (std::int64_t i = 0; i < size; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale - 0.5;
    double sum = 0.0;
    for (std::int64_t s = -3; s < in + 3; ++s) {
      const auto at = static_cast<std::size_t>(std::clamp<std::int64_t>(s, 0, in - 1));
      sum += kernel(static_cast<double>(s) - centre) * line[at];
    }
    result.push_back(sum);
  }
  return result;
}

using Line = std::vector<double> (*)(const std::vector<double>&, std::int64_t);

/// Rows, then columns, of one channel [height][width].
std::vector<double> separable(Line resample,
                              std::vector<double> image,
                              std::int64_t in_width,
                              std::int64_t h,
                              std::int64_t w) {
  const auto in_height = static_cast<std::int64_t>(image.size()) / in_width;
  std::vector<double> narrow, result(static_cast<std::size_t>(h * w));
  for (std::int64_t y = 0; y < in_height; ++y) {
    const auto from = image.begin() + y * in_width;
    const std::vector<double> line = resample({from, from + in_width}, w);
    narrow.insert(narrow.end(), line.begin(), line.end());
  }
  for (std::int64_t x = 0; x < w; ++x) {
    std::vector<double> column;
    for (std::int64_t y = 0; y < in_height; ++y) {
      column.push_back(narrow[static_cast<std::size_t>(y * w + x)]);
    }
    const std::vector<double> line = resample(column, h);
    for (std::int64_t y = 0; y < h; ++y) {
      result[static_cast<std::size_t>(y * w + x)] = line[static_cast<std::size_t>(y)];
    }
  }
  return result;
}

struct Resize {
  std::int64_t in_height, in_width, height, width;
};
const Resize kResizes[] = {{5, 7, 3, 4},
                           {5, 7, 8, 11},
                           {5, 7, 5, 7},
                           {1, 1, 4, 3},
                           {40, 31, 1, 1},
                           {13, 64, 40, 9},
                           {37, 37, 73, 73},
                           {64, 64, 65, 63}};

TEST_P(ImageOps, BilinearMatchesFloat64) {
  for (const Resize& r : kResizes) {
    SCOPED_TRACE(cat(r.in_height, " x ", r.in_width, " -> ", r.height, " x ", r.width));
    Guarded image = random_values({2, r.in_height, r.in_width}, 8);
    const Tensor y = resize_bilinear_antialias(ctx, image.tensor(), r.height, r.width);
    ASSERT_EQ(y.shape, Shape({2, r.height, r.width}));
    for (std::int64_t c = 0; c < 2; ++c) {
      const float* plane = image.data() + c * r.in_height * r.in_width;
      const std::vector<double> expected = separable(bilinear_reference,
                                                     {plane, plane + r.in_height * r.in_width},
                                                     r.in_width,
                                                     r.height,
                                                     r.width);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto at = c * r.height * r.width + static_cast<std::int64_t>(i);
        // A weighted mean of values of order 1.
        ASSERT_NEAR(y.f32()[at], expected[i], 2e-6) << i;
      }
    }
  }
}

TEST_P(ImageOps, BicubicMatchesFloat64) {
  for (const Resize& r : kResizes) {
    SCOPED_TRACE(cat(r.in_height, " x ", r.in_width, " -> ", r.height, " x ", r.width));
    constexpr std::int64_t kChannels = 5;
    Guarded grid = random_values({r.in_height, r.in_width, kChannels}, 9);
    const Tensor y = resize_bicubic(ctx, grid.tensor(), r.height, r.width);
    ASSERT_EQ(y.shape, Shape({r.height, r.width, kChannels}));
    for (std::int64_t c = 0; c < kChannels; ++c) {
      std::vector<double> plane;
      for (std::int64_t i = 0; i < r.in_height * r.in_width; ++i) {
        plane.push_back(grid[i * kChannels + c]);
      }
      const std::vector<double> expected =
          separable(bicubic_reference, plane, r.in_width, r.height, r.width);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        // Weights sum to 1 and to at most 2 in magnitude on each axis.
        ASSERT_NEAR(y.f32()[static_cast<std::int64_t>(i) * kChannels + c], expected[i], 3e-6) << i;
      }
    }
  }
}

/// An image with a formula, so that the numbers below can be made again with PyTorch.
Guarded formula_image() {
  Guarded image({1, 5, 7});
  for (int y = 0; y < 5; ++y) {
    for (int x = 0; x < 7; ++x) {
      image[y * 7 + x] = static_cast<float>((7 * y + 3 * x * x + 5 * x * y) % 23) / 23.0F;
    }
  }
  return image;
}

TEST_P(ImageOps, ResizesAsPyTorchDoes) {
  // torch.nn.functional.interpolate(image, size, mode="bilinear", antialias=True).
  const float smaller[] = {0.2395741F,
                           0.3274534F,
                           0.2131677F,
                           0.4679089F,
                           0.4991948F,
                           0.2191304F,
                           0.3035749F,
                           0.4964343F,
                           0.4791482F,
                           0.3965217F,
                           0.5050931F,
                           0.4720497F};
  const float mixed[] = {0.3043478F,
                         0.3544137F,
                         0.3469478F,
                         0.2672376F,
                         0.1304348F,
                         0.2318841F,
                         0.3267458F,
                         0.4453229F,
                         0.5770752F,
                         0.5948616F,
                         0.4802371F,
                         0.4422485F,
                         0.3724198F,
                         0.0434783F,
                         0.4830917F,
                         0.5373297F,
                         0.4789196F,
                         0.4762845F};
  // torch.nn.functional.interpolate(image, size, mode="bicubic", align_corners=False).
  const float cubic[] = {0.1574795F,
                         0.4334998F,
                         0.1117375F,
                         0.513968F,
                         0.463485F,
                         -0.0069633F,
                         0.4274159F,
                         0.5739003F,
                         0.4195106F,
                         0.5470126F,
                         0.6565058F,
                         0.4085993F};
  Guarded image = formula_image();
  const Tensor small = resize_bilinear_antialias(ctx, image.tensor(), 3, 4);
  for (int i = 0; i < 12; ++i) EXPECT_NEAR(small.f32()[i], smaller[i], 3e-7);
  const Tensor wide = resize_bilinear_antialias(ctx, image.tensor(), 2, 9);
  for (int i = 0; i < 18; ++i) EXPECT_NEAR(wide.f32()[i], mixed[i], 3e-7);
  const Tensor sharp = resize_bicubic(ctx, image.tensor().reshape({5, 7, 1}), 3, 4);
  for (int i = 0; i < 12; ++i) EXPECT_NEAR(sharp.f32()[i], cubic[i], 3e-7);
}

TEST_P(ImageOps, ResizeKeepsAnImageOfTheSameSize) {
  Guarded image = random_values({3, 20, 33}, 10);
  EXPECT_TRUE(
      same_bytes(copy_of(resize_bilinear_antialias(ctx, image.tensor(), 20, 33)), image.copy()));
}

TEST_P(ImageOps, BytesDoNotDependOnThreads) {
  Guarded image = random_values({3, 50, 70}, 11);
  expect_same_for_any_threads(
      [&] { return copy_of(resize_bilinear_antialias(ctx, image.tensor(), 33, 91)); });
  expect_same_for_any_threads([&] { return copy_of(resize_bicubic(ctx, image.tensor(), 11, 13)); });
}

TEST_P(ImageOps, ResizeRejectsWrongSizes) {
  Guarded image = random_values({3, 5, 6}, 12), empty({3, 0, 6}), flat = random_values({5, 6}, 13);
  const auto bad = ErrorCode::invalid_argument;
  expect_error(bad, {"[resize_bilinear_antialias]", "0 x 4"}, [&] {
    resize_bilinear_antialias(ctx, image.tensor(), 0, 4);
  });
  expect_error(bad, {"[resize_bicubic]", "4 x 65537"}, [&] {
    resize_bicubic(ctx, image.tensor(), 4, 65537);
  });
  expect_error(bad, {"[resize_bilinear_antialias]", "[3, 0, 6]"}, [&] {
    resize_bilinear_antialias(ctx, empty.tensor(), 4, 4);
  });
  expect_error(bad, {"[resize_bicubic]", "3 axes", "[5, 6]"}, [&] {
    resize_bicubic(ctx, flat.tensor(), 4, 4);
  });
}

}  // namespace
}  // namespace sinter::ops::test
