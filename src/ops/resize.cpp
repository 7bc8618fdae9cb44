#include "ops/resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/threads.h"
#include "ops/check.h"

namespace sinter::ops {

namespace {

/// For each output position: the first source position and the weights of those that follow.
struct Filter {
  std::int64_t taps = 0;
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> count;
  std::vector<float> weights;  // [out][taps]
};

Filter triangle_filter(std::int64_t in, std::int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double support = std::max(scale, 1.0);
  Filter filter;
  filter.taps = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
  filter.first.resize(static_cast<std::size_t>(out));
  filter.count.resize(static_cast<std::size_t>(out));
  filter.weights.assign(static_cast<std::size_t>(out * filter.taps), 0.0F);
  for (std::int64_t i = 0; i < out; ++i) {
    const double centre = scale * (static_cast<double>(i) + 0.5);
    const auto begin = std::max<std::int64_t>(static_cast<std::int64_t>(centre - support + 0.5), 0);
    const auto end = std::min(static_cast<std::int64_t>(centre + support + 0.5), in);
    std::vector<double> weights;
    double total = 0.0;
    for (std::int64_t s = begin; s < end; ++s) {
      const double distance = std::abs((static_cast<double>(s) + 0.5 - centre) / support);
      weights.push_back(std::max(0.0, 1.0 - distance));
      total += weights.back();
    }
    filter.first[static_cast<std::size_t>(i)] = begin;
    filter.count[static_cast<std::size_t>(i)] = end - begin;
    for (std::size_t s = 0; s < weights.size(); ++s) {
      filter.weights[static_cast<std::size_t>(i * filter.taps) + s] =
          static_cast<float>(weights[s] / total);
    }
  }
  return filter;
}

void check_size(const char* op, const Tensor& x, std::int64_t height, std::int64_t width) {
  check_rank(op, "input", x, 3);
  SINTER_CHECK(x.elements() > 0 && height > 0 && width > 0 && height <= 65536 && width <= 65536,
               ErrorCode::invalid_argument,
               "[",
               op,
               "] expected a non-empty input and an output of 1..65536 a side, got ",
               x.shape,
               " to ",
               height,
               " x ",
               width,
               origin(x.name));
  if (x.device != Device::cpu) fail_device(op, x.device);
}

/// The four taps of a bicubic sample, with the weights of cubic convolution, A = -0.75.
struct CubicTaps {
  std::int64_t index[4];
  float weight[4];
};

CubicTaps cubic_taps(std::int64_t position, std::int64_t in, std::int64_t out) {
  const double a = -0.75;
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double centre = scale * (static_cast<double>(position) + 0.5) - 0.5;
  const double base = std::floor(centre);
  const double t = centre - base;
  const auto near = [a](double x) { return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0; };
  const auto far = [a](double x) { return ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a; };
  const double weights[4] = {far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)};
  CubicTaps taps{};
  for (int i = 0; i < 4; ++i) {
    taps.index[i] = std::clamp<std::int64_t>(static_cast<std::int64_t>(base) + i - 1, 0, in - 1);
    taps.weight[i] = static_cast<float>(weights[i]);
  }
  return taps;
}

}  // namespace

Tensor resize_bilinear_antialias(Context& ctx,
                                 const Tensor& image,
                                 std::int64_t height,
                                 std::int64_t width) {
  check_size("resize_bilinear_antialias", image, height, width);
  const std::int64_t channels = image.dim(0);
  const std::int64_t in_height = image.dim(1);
  const std::int64_t in_width = image.dim(2);
  Tensor y = ctx.allocate(DType::f32, {channels, height, width});
  ArenaScope scratch(ctx.arena());
  const Tensor narrow = ctx.allocate(DType::f32, {channels, in_height, width});
  const Filter across = triangle_filter(in_width, width);
  const Filter down = triangle_filter(in_height, height);
  const float* src = image.f32();
  float* mid = narrow.f32_mut();
  float* dst = y.f32_mut();
  cpu::parallel_ranges(
      ctx.threads, channels * in_height, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t line = begin; line < end; ++line) {
          for (std::int64_t x = 0; x < width; ++x) {
            const auto at = static_cast<std::size_t>(x);
            const float* pixels = src + line * in_width + across.first[at];
            const float* weights = across.weights.data() + x * across.taps;
            float sum = 0.0F;
            for (std::int64_t s = 0; s < across.count[at]; ++s) sum += pixels[s] * weights[s];
            mid[line * width + x] = sum;
          }
        }
      });
  cpu::parallel_ranges(
      ctx.threads, channels * height, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t line = begin; line < end; ++line) {
          const auto at = static_cast<std::size_t>(line % height);
          const float* rows = mid + (line / height * in_height + down.first[at]) * width;
          const float* weights = down.weights.data() + line % height * down.taps;
          float* out = dst + line * width;
          std::fill(out, out + width, 0.0F);
          for (std::int64_t s = 0; s < down.count[at]; ++s) {
            for (std::int64_t x = 0; x < width; ++x) out[x] += rows[s * width + x] * weights[s];
          }
        }
      });
  return y;
}

Tensor resize_bicubic(Context& ctx, const Tensor& grid, std::int64_t height, std::int64_t width) {
  check_size("resize_bicubic", grid, height, width);
  const std::int64_t in_height = grid.dim(0);
  const std::int64_t in_width = grid.dim(1);
  const std::int64_t channels = grid.dim(2);
  Tensor y = ctx.allocate(DType::f32, {height, width, channels});
  const float* src = grid.f32();
  float* dst = y.f32_mut();
  cpu::parallel_ranges(ctx.threads, height, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t row = begin; row < end; ++row) {
      const CubicTaps vertical = cubic_taps(row, in_height, height);
      for (std::int64_t column = 0; column < width; ++column) {
        const CubicTaps horizontal = cubic_taps(column, in_width, width);
        float* out = dst + (row * width + column) * channels;
        std::fill(out, out + channels, 0.0F);
        for (int i = 0; i < 4; ++i) {
          for (int j = 0; j < 4; ++j) {
            const float weight = vertical.weight[i] * horizontal.weight[j];
            const float* in = src + (vertical.index[i] * in_width + horizontal.index[j]) * channels;
            for (std::int64_t c = 0; c < channels; ++c) out[c] += weight * in[c];
          }
        }
      }
    }
  });
  return y;
}

}  // namespace sinter::ops
