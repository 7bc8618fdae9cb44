#include "ops/norm.h"

#include "cpu/kernels.h"
#include "ops/check.h"
#include "ops/pointwise_rows.h"

namespace sinter::ops {

namespace {

/// Runs `kernel` over the rows of x, split over threads.
Tensor normalize(Context& ctx,
                 const char* op,
                 const Tensor& x,
                 float eps,
                 const float* multiply,
                 float offset,
                 const float* add) {
  if (x.device != Device::cpu) fail_device(op, x.device);
  const RowView rows(x);
  Tensor y = ctx.allocate(DType::f32, x.shape);
  float* dst = y.f32_mut();
  const int threads = useful_threads(ctx, x.elements());
  cpu::parallel_ranges(threads, rows.rows, [&](std::int64_t begin, std::int64_t end, int) {
    cpu::NormTask task{};
    task.x = rows.data + begin * rows.columns;
    task.y = dst + begin * rows.columns;
    task.x_stride = task.y_stride = task.count = rows.columns;
    task.rows = end - begin;
    task.eps = eps;
    task.multiply = multiply;
    task.offset = offset;
    task.add = add;
    cpu::kernels().layer_norm(task);
  });
  return y;
}

void normalize_heads(Context& ctx,
                     const HeadView& x,
                     float eps,
                     const float* multiply,
                     const float* add,
                     void (*kernel)(const cpu::NormTask&)) {
  const int threads = useful_threads(ctx, x.tokens * x.heads * x.dim);
  cpu::parallel_ranges(threads, x.tokens, [&](std::int64_t begin, std::int64_t end, int) {
    cpu::NormTask task{};
    task.x_stride = task.y_stride = x.head_stride;
    task.rows = x.heads;
    task.count = x.dim;
    task.eps = eps;
    task.multiply = multiply;
    task.add = add;
    for (std::int64_t token = begin; token < end; ++token) {
      task.x = task.y = x.data + token * x.token_stride;
      kernel(task);
    }
  });
}

}  // namespace

Tensor layer_norm(
    Context& ctx, const Tensor& x, const Tensor& weight, const Tensor& bias, float eps) {
  check_f32("layer_norm", "x", x);
  if (weight.defined() || bias.defined()) {
    check_shape("layer_norm", "weight", weight, {x.shape.back()});
    check_shape("layer_norm", "bias", bias, {x.shape.back()});
    return normalize(ctx, "layer_norm", x, eps, weight.f32(), 0.0F, bias.f32());
  }
  return normalize(ctx, "layer_norm", x, eps, nullptr, 1.0F, nullptr);
}

Tensor layer_norm_modulate(
    Context& ctx, const Tensor& x, const Tensor& shift, const Tensor& scale, float eps) {
  check_f32("layer_norm_modulate", "x", x);
  check_shape("layer_norm_modulate", "shift", shift, {x.shape.back()});
  check_shape("layer_norm_modulate", "scale", scale, {x.shape.back()});
  return normalize(ctx, "layer_norm_modulate", x, eps, scale.f32(), 1.0F, shift.f32());
}

void rms_norm_heads_in_place(Context& ctx, const HeadView& x, const Tensor& scale, float eps) {
  check_shape("rms_norm_heads", "scale", scale, {x.dim});
  if (x.device != Device::cpu) fail_device("rms_norm_heads", x.device);
  normalize_heads(ctx, x, eps, scale.f32(), nullptr, cpu::kernels().rms_norm);
}

void layer_norm_heads_in_place(
    Context& ctx, const HeadView& x, const Tensor& weight, const Tensor& bias, float eps) {
  check_shape("layer_norm_heads", "weight", weight, {x.dim});
  check_shape("layer_norm_heads", "bias", bias, {x.dim});
  if (x.device != Device::cpu) fail_device("layer_norm_heads", x.device);
  normalize_heads(ctx, x, eps, weight.f32(), bias.f32(), cpu::kernels().layer_norm);
}

}  // namespace sinter::ops
