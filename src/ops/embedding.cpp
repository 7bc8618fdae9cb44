#include "ops/embedding.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "cpu/kernels.h"
#include "ops/backend.h"
#include "ops/check.h"
#include "ops/pointwise_rows.h"

namespace sinter::ops {

namespace {

/// An activation whose values are computed on the host: in place where it lies there.
class HostValues {
 public:
  HostValues(Context& ctx, const Shape& shape, std::string_view name)
      : ctx_(ctx), result_(ctx.activation(shape, name)) {
    if (result_.device != Device::cpu) {
      staged_.resize(static_cast<std::size_t>(shape.elements()));
    }
  }
  float* data() { return staged_.empty() ? result_.f32_mut() : staged_.data(); }
  Tensor finish() {
    if (!staged_.empty()) {
      const Tensor host{staged_.data(), DType::f32, Device::cpu, result_.shape, result_.name};
      backend(ctx_, "embedding").upload(host, result_);
    }
    return result_;
  }

 private:
  Context& ctx_;
  Tensor result_;
  std::vector<float> staged_;
};

}  // namespace

Tensor timestep_embedding(Context& ctx,
                          std::span<const float> t,
                          const TimestepEmbeddingOptions& options) {
  SINTER_CHECK(options.dim > 0 && options.dim % 2 == 0,
               ErrorCode::invalid_argument,
               "[timestep_embedding] dim: expected a positive even number, got ",
               options.dim);
  const int half = options.dim / 2;
  HostValues values(ctx, {static_cast<std::int64_t>(t.size()), options.dim}, "times");
  float* row = values.data();
  const int sines = options.sines_first ? 0 : half, cosines = half - sines;
  const float log_period = std::log(options.max_period);
  for (const float time : t) {
    for (int i = 0; i < half; ++i) {
      const float exponent = -log_period * static_cast<float>(i) / static_cast<float>(half);
      const double angle = double{options.factor * time * std::exp(exponent)};
      row[cosines + i] = static_cast<float>(std::cos(angle));
      row[sines + i] = static_cast<float>(std::sin(angle));
    }
    row += options.dim;
  }
  return values.finish();
}

Tensor position_embedding(Context& ctx, std::int64_t position, std::int64_t dim) {
  SINTER_CHECK(dim > 0 && dim % 2 == 0,
               ErrorCode::invalid_argument,
               "[position_embedding] dim: expected a positive even number, got ",
               dim);
  constexpr double kPeriod = 10000.0;
  const std::int64_t half = dim / 2;
  HostValues position_values(ctx, {dim}, "position");
  float* values = position_values.data();
  for (std::int64_t i = 0; i < half; ++i) {
    const double exponent = static_cast<double>(i) / static_cast<double>(half);
    const double angle = static_cast<double>(position) / std::pow(kPeriod, exponent);
    values[i] = static_cast<float>(std::sin(angle));
    values[half + i] = static_cast<float>(std::cos(angle));
  }
  return position_values.finish();
}

int fourier_channels(const FourierOptions& options) {
  return 3 + 6 * options.num_freqs;
}

Tensor fourier_embed(Context& ctx, const Tensor& points, const FourierOptions& options) {
  check_rank("fourier_embed", "points", points, 2);
  check_shape("fourier_embed", "points", points, {points.dim(0), 3});
  SINTER_CHECK(options.num_freqs >= 1 && options.num_freqs <= 16,
               ErrorCode::invalid_argument,
               "[fourier_embed] num_freqs: expected 1..16, got ",
               options.num_freqs);
  const int channels = fourier_channels(options);
  Tensor y = ctx.activation({points.dim(0), channels});
  if (points.device != Device::cpu) {
    backend(ctx, "fourier_embed").fourier_embed(points, options, y);
    return y;
  }
  const float* src = points.f32();
  float* dst = y.f32_mut();
  const int threads = useful_threads(ctx, y.elements());
  cpu::parallel_ranges(threads, points.dim(0), [&](std::int64_t begin, std::int64_t end, int) {
    cpu::FourierTask task{};
    task.points = src + 3 * begin;
    task.count = end - begin;
    task.num_freqs = options.num_freqs;
    task.base = options.include_pi ? std::numbers::pi_v<float> : 1.0F;
    task.dst = dst + begin * channels;
    cpu::kernels().fourier(task);
  });
  return y;
}

}  // namespace sinter::ops
