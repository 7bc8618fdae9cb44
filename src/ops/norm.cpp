#include "ops/norm.h"

#include <cmath>

#include "cpu/threads.h"
#include "ops/check.h"

namespace sinter::ops {

namespace {

/// y = (x - mean) * rstd * multiply[c] + add[c]; multiply null for 1, add null for 0.
void normalize_row(const float* x,
                   std::int64_t count,
                   float eps,
                   const float* multiply,
                   float multiply_offset,
                   const float* add,
                   float* y) {
  double sum = 0.0;
  for (std::int64_t c = 0; c < count; ++c) sum += x[c];
  const double mean = sum / static_cast<double>(count);
  double squares = 0.0;
  for (std::int64_t c = 0; c < count; ++c) squares += (x[c] - mean) * (x[c] - mean);
  const double rstd = 1.0 / std::sqrt(squares / static_cast<double>(count) + eps);
  for (std::int64_t c = 0; c < count; ++c) {
    const float n = static_cast<float>((x[c] - mean) * rstd);
    const float factor = multiply == nullptr ? 1.0F : multiply[c] + multiply_offset;
    y[c] = n * factor + (add == nullptr ? 0.0F : add[c]);
  }
}

Tensor normalize(Context& ctx,
                 const Tensor& x,
                 float eps,
                 const float* multiply,
                 float multiply_offset,
                 const float* add) {
  if (x.device != Device::cpu) fail_device("layer_norm", x.device);
  const RowView rows(x);
  Tensor y = ctx.allocate(DType::f32, x.shape);
  float* dst = y.f32_mut();
  cpu::parallel_ranges(ctx.threads, rows.rows, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t r = begin; r < end; ++r) {
      normalize_row(rows.data + r * rows.columns,
                    rows.columns,
                    eps,
                    multiply,
                    multiply_offset,
                    add,
                    dst + r * rows.columns);
    }
  });
  return y;
}

}  // namespace

Tensor layer_norm(
    Context& ctx, const Tensor& x, const Tensor& weight, const Tensor& bias, float eps) {
  check_f32("layer_norm", "x", x);
  if (weight.defined() || bias.defined()) {
    check_shape("layer_norm", "weight", weight, {x.shape.back()});
    check_shape("layer_norm", "bias", bias, {x.shape.back()});
    return normalize(ctx, x, eps, weight.f32(), 0.0F, bias.f32());
  }
  return normalize(ctx, x, eps, nullptr, 0.0F, nullptr);
}

Tensor layer_norm_modulate(
    Context& ctx, const Tensor& x, const Tensor& shift, const Tensor& scale, float eps) {
  check_f32("layer_norm_modulate", "x", x);
  check_shape("layer_norm_modulate", "shift", shift, {x.shape.back()});
  check_shape("layer_norm_modulate", "scale", scale, {x.shape.back()});
  return normalize(ctx, x, eps, scale.f32(), 1.0F, shift.f32());
}

void rms_norm_heads_in_place(Context& ctx, const HeadView& x, const Tensor& scale, float eps) {
  check_shape("rms_norm_heads", "scale", scale, {x.dim});
  if (x.device != Device::cpu) fail_device("rms_norm_heads", x.device);
  const float* factors = scale.f32();
  cpu::parallel_ranges(ctx.threads, x.tokens, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t token = begin; token < end; ++token) {
      for (std::int64_t head = 0; head < x.heads; ++head) {
        float* values = x.data + token * x.token_stride + head * x.head_stride;
        double squares = 0.0;
        for (std::int64_t c = 0; c < x.dim; ++c) squares += double{values[c]} * values[c];
        const double rms = 1.0 / std::sqrt(squares / static_cast<double>(x.dim) + eps);
        for (std::int64_t c = 0; c < x.dim; ++c) {
          values[c] = static_cast<float>(values[c] * rms) * factors[c];
        }
      }
    }
  });
}

void layer_norm_heads_in_place(
    Context& ctx, const HeadView& x, const Tensor& weight, const Tensor& bias, float eps) {
  check_shape("layer_norm_heads", "weight", weight, {x.dim});
  check_shape("layer_norm_heads", "bias", bias, {x.dim});
  if (x.device != Device::cpu) fail_device("layer_norm_heads", x.device);
  cpu::parallel_ranges(ctx.threads, x.tokens, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t token = begin; token < end; ++token) {
      for (std::int64_t head = 0; head < x.heads; ++head) {
        float* values = x.data + token * x.token_stride + head * x.head_stride;
        normalize_row(values, x.dim, eps, weight.f32(), 0.0F, bias.f32(), values);
      }
    }
  });
}

}  // namespace sinter::ops
