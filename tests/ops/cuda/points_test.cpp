#include "ops/cuda/points.h"

#include <numbers>

#include "core/error.h"
#include "mesh/field.h"
#include "ops/cuda/cuda_test.h"

namespace sinter::ops::cuda::test {
namespace {

class CudaPoints : public CudaTest {};

std::vector<float> random_points(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> box(-1.01F, 1.01F);
  std::vector<float> values(static_cast<std::size_t>(3 * count));
  for (float& v : values) v = box(random);
  return values;
}

TEST_F(CudaPoints, FourierEmbedMatchesFloat64) {
  unsigned seed = 1;
  for (const DType dtype : kFloats) {
    for (const std::int64_t count : {1, 63, 64, 200}) {
      for (const FourierOptions& options :
           {FourierOptions{8, false}, FourierOptions{12, true}, FourierOptions{1, false}}) {
        for (const RowLayout& layout : kLayouts) {
          const std::int64_t n = options.num_freqs, used = 3 + 6 * n;
          for (const std::int64_t columns : {used, (used + 7) / 8 * 8, used + 13}) {
            SCOPED_TRACE(cat(to_string(dtype), " ", count, " points, ", columns, " columns"));
            const DeviceArray<float> points(random_points(count, ++seed));
            DeviceRows dst(dtype, count, columns, layout);
            fourier_embed(dst.view(), points.data(), count, options, nullptr);
            // The sine of a f32 angle, two units of the last place of one.
            expect_rows(dst, 4 * half_unit(DType::f32), [&](std::int64_t r, std::int64_t c) {
              const auto at = [&](std::int64_t axis) {
                return points.host[static_cast<std::size_t>(3 * r + axis)];
              };
              if (c < 3) return double{at(c)};
              if (c >= used) return 0.0;
              const std::int64_t i = (c - 3) % (3 * n);
              const float base = options.include_pi ? std::numbers::pi_v<float> : 1.0F;
              const float angle = at(i / n) * base * std::ldexp(1.0F, static_cast<int>(i % n));
              return c < 3 + 3 * n ? std::sin(double{angle}) : std::cos(double{angle});
            });
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

TEST_F(CudaPoints, GridPointsAreThoseOfTheMeshGrid) {
  const mesh::Grid grids[] = {
      mesh::Grid(384), mesh::Grid(37, {-0.3, 0.1, -2.0}, {0.9, 0.77, 1.5}), mesh::Grid(16, 0.7)};
  for (const mesh::Grid& grid : grids) {
    const std::int64_t n = grid.points(), all = grid.point_count();
    const GridPoints description{
        grid.lower(), {grid.spacing(0), grid.spacing(1), grid.spacing(2)}, grid.upper(), n};
    const std::int64_t count = std::min<std::int64_t>(all, 3 * n * n + 5);
    for (const std::int64_t first : {std::int64_t{0}, all - count}) {
      DeviceArray<float> points(
          std::vector<float>(static_cast<std::size_t>(3 * count), std::nanf("")));
      grid_points(points.data(), first, count, description, nullptr);
      const std::vector<float>& actual = points.fetch();
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t index = first + i;
        const mesh::Vec3 wanted = grid.point({static_cast<std::int32_t>(index / (n * n)),
                                              static_cast<std::int32_t>(index / n % n),
                                              static_cast<std::int32_t>(index % n)});
        for (std::size_t axis = 0; axis < 3; ++axis)
          ASSERT_EQ(actual[static_cast<std::size_t>(3 * i) + axis], wanted[axis]) << index;
      }
    }
  }
}

/// f32 sums of `terms` products of normal values: each rounds once, at random.
double sum_slack(std::int64_t terms, double size) {
  return 8 * size * half_unit(DType::f32) * std::sqrt(static_cast<double>(terms));
}

TEST_F(CudaPoints, DotRowsMatchesFloat64) {
  unsigned seed = 100;
  const DeviceArray<float> bias({0.0F, -1.25F});
  for (const DType dtype : kFloats) {
    for (const std::int64_t columns : {1, 51, 192, 512, 588, 1024, 1536, 4096, 5000}) {
      for (const RowLayout& layout : kLayouts) {
        SCOPED_TRACE(cat(to_string(dtype), " ", columns));
        const std::int64_t rows = 13;
        const DeviceRows x(dtype, rows, columns, ++seed, 1.0F, layout);
        const DeviceRows weight(dtype, 1, columns, ++seed, 1.0F, layout);
        DeviceRows dst(DType::f32, rows, 1);
        const auto wanted = [&](std::int64_t r, std::int64_t) {
          double sum = -1.25;
          for (std::int64_t c = 0; c < columns; ++c) sum += x.at(r, c) * weight.at(0, c);
          return sum;
        };
        const double slack = sum_slack(columns, 6.0);
        auto* const to = static_cast<float*>(dst.pointer(0, 0));
        dot_rows(to, x.view(), weight.pointer(0, 0), -1.25F, nullptr);
        expect_rows(dst, slack, wanted);
        dst.device.fill(0xFF);
        dot_rows(to, x.view(), weight.pointer(0, 0), bias.data() + 1, nullptr);
        expect_rows(dst, slack, wanted);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(CudaPoints, LayerNormDotRowsMatchesFloat64) {
  unsigned seed = 300;
  const DeviceArray<float> bias({0.0F, 0.5F});
  for (const DType dtype : kFloats) {
    for (const std::int64_t columns : {2, 51, 192, 512, 588, 1024, 1536, 4096}) {
      for (const RowLayout& layout : kLayouts) {
        SCOPED_TRACE(cat(to_string(dtype), " ", columns));
        const std::int64_t rows = 7;
        const DeviceRows x(dtype, rows, columns, ++seed, 2.0F, layout);
        const DeviceRows vectors(dtype, 3, columns, ++seed, 1.0F, layout);
        DeviceRows dst(DType::f32, rows, 1);
        const auto wanted = [&](std::int64_t r, std::int64_t) {
          double mean = 0, variance = 0, sum = 0.5;
          const auto n = static_cast<double>(columns);
          for (std::int64_t c = 0; c < columns; ++c) mean += x.at(r, c) / n;
          for (std::int64_t c = 0; c < columns; ++c) variance += std::pow(x.at(r, c) - mean, 2) / n;
          for (std::int64_t c = 0; c < columns; ++c) {
            const double norm = (x.at(r, c) - mean) / std::sqrt(variance + 1e-5);
            sum += (norm * vectors.at(0, c) + vectors.at(1, c)) * vectors.at(2, c);
          }
          return sum;
        };
        auto* const to = static_cast<float*>(dst.pointer(0, 0));
        const auto run = [&](auto offset) {
          dst.device.fill(0xFF);
          layer_norm_dot_rows(to,
                              x.view(),
                              vectors.pointer(0, 0),
                              vectors.pointer(1, 0),
                              1e-5F,
                              vectors.pointer(2, 0),
                              offset,
                              nullptr);
          expect_rows(dst, sum_slack(columns, 12.0), wanted);
        };
        run(0.5F);
        run(static_cast<const float*>(bias.data() + 1));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(CudaPoints, PatchesMatchTheConvolution) {
  struct Case {
    std::int64_t channels, height, width, patch;
  };
  unsigned seed = 500;
  for (const DType dtype : kFloats) {
    for (const Case& c : {Case{3, 42, 28, 14}, Case{1, 6, 9, 3}, Case{5, 4, 2, 1}}) {
      for (const RowLayout& layout : kLayouts) {
        const DeviceRows image(DType::f32, c.channels * c.height, c.width, ++seed);
        const std::int64_t across = c.width / c.patch, used = c.channels * c.patch * c.patch;
        for (const std::int64_t columns : {used, (used + 7) / 8 * 8, used + 9}) {
          SCOPED_TRACE(cat(to_string(dtype), " patches of ", c.patch, ", ", columns, " columns"));
          DeviceRows dst(dtype, c.height / c.patch * across, columns, layout);
          patches(dst.view(),
                  static_cast<const float*>(image.pointer(0, 0)),
                  c.channels,
                  c.height,
                  c.width,
                  c.patch,
                  nullptr);
          expect_rows(dst, 0.0, [&](std::int64_t token, std::int64_t column) {
            if (column >= used) return 0.0;
            const std::int64_t channel = column / (c.patch * c.patch);
            const std::int64_t y = token / across * c.patch + column / c.patch % c.patch;
            const std::int64_t x = token % across * c.patch + column % c.patch;
            return image.at(channel * c.height + y, x);
          });
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST_F(CudaPoints, RefusesWhatItCannotDo) {
  const DeviceRows x(DType::f16, 4, 48, 1), wide(DType::f16, 4, 5000, 2);
  const DeviceArray<float> floats(std::vector<float>(64, 1.0F));
  float* const p = floats.data();
  EXPECT_THROW(fourier_embed(x.view(), p, 4, {8, false}, nullptr), Error);
  EXPECT_THROW(fourier_embed(x.view(), p, 3, {4, false}, nullptr), Error);
  EXPECT_THROW(fourier_embed(x.view(), p, 4, {17, false}, nullptr), Error);
  EXPECT_THROW(grid_points(p, 7, 2, {{}, {1, 1, 1}, {1, 1, 1}, 2}, nullptr), Error);
  EXPECT_THROW(layer_norm_dot_rows(
                   p, wide.view(), nullptr, nullptr, 1e-6F, wide.pointer(0, 0), 0.0F, nullptr),
               Error);
  EXPECT_THROW(patches(x.view(), p, 3, 5, 4, 2, nullptr), Error);
  EXPECT_NO_THROW(fourier_embed(x.view(), p, 4, {7, false}, nullptr));
}

}  // namespace
}  // namespace sinter::ops::cuda::test
