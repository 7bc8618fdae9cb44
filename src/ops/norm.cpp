#include "ops/norm.h"

#include "cpu/kernels.h"
#include "ops/backend.h"
#include "ops/check.h"
#include "ops/pointwise_rows.h"

namespace sinter::ops {

namespace {

/// y = norm(x) * (multiply + offset) + add, the rows split over threads.
void normalize(Context& ctx,
               const Tensor& x,
               float eps,
               const float* multiply,
               float offset,
               const float* add,
               const Tensor& y) {
  const RowView rows(x);
  float* dst = y.f32_mut();
  const int threads = useful_threads(ctx, x.elements());
  cpu::parallel_ranges(threads, rows.rows, [&](std::int64_t begin, std::int64_t end, int) {
    cpu::NormTask task{};
    task.x = rows.row(begin);
    task.y = dst + begin * rows.columns;
    task.x_stride = task.y_stride = task.count = rows.columns;
    task.rows = end - begin;
    task.eps = eps;
    task.multiply = multiply;
    task.offset = offset;
    task.add = add;
    cpu::kernels().layer_norm(task);
  });
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
      task.x = task.y = x.at(token, 0);
      kernel(task);
    }
  });
}

}  // namespace

Tensor layer_norm(
    Context& ctx, const Tensor& x, const Tensor& weight, const Tensor& bias, float eps) {
  check_values("layer_norm", "x", x);
  const bool affine = weight.defined() || bias.defined();
  if (affine) {
    check_shape("layer_norm", "weight", weight, {x.shape.back()});
    check_shape("layer_norm", "bias", bias, {x.shape.back()});
  }
  const Tensor y = ctx.activation(x.shape);
  if (x.device != Device::cpu) {
    backend(ctx, "layer_norm").layer_norm(x, weight, bias, eps, y);
  } else if (affine) {
    normalize(ctx, x, eps, weight.f32(), 0.0F, bias.f32(), y);
  } else {
    normalize(ctx, x, eps, nullptr, 1.0F, nullptr, y);
  }
  return y;
}

Tensor layer_norm_modulate(Context& ctx, const Tensor& x, const ScaleShift& modulation) {
  const Tensor y = ctx.activation(x.shape);
  layer_norm_modulate_into(ctx, x, modulation, y);
  return y;
}

void layer_norm_modulate_into(Context& ctx,
                              const Tensor& x,
                              const ScaleShift& m,
                              const Tensor& dst) {
  check_values("layer_norm_modulate", "x", x);
  check_shape("layer_norm_modulate", "dst", dst, x.shape);
  check_shape("layer_norm_modulate", "shift", m.shift, {x.shape.back()});
  check_shape("layer_norm_modulate", "scale", m.scale, {x.shape.back()});
  if (x.device != Device::cpu) {
    backend(ctx, "layer_norm_modulate").layer_norm_modulate(x, m, dst);
  } else {
    normalize(ctx, x, m.eps, m.scale.f32(), 1.0F, m.shift.f32(), dst);
  }
}

void rms_norm_heads_in_place(Context& ctx, const HeadView& x, const Tensor& scale, float eps) {
  check_shape("rms_norm_heads", "scale", scale, {x.dim});
  if (x.device != Device::cpu) return backend(ctx, "rms_norm_heads").rms_norm_heads(x, scale, eps);
  normalize_heads(ctx, x, eps, scale.f32(), nullptr, cpu::kernels().rms_norm);
}

void rms_norm_heads_in_place(Context& ctx,
                             const HeadView& q,
                             const HeadView& k,
                             const Tensor& q_scale,
                             const Tensor& k_scale,
                             float eps) {
  if (q.device == Device::cpu) {
    rms_norm_heads_in_place(ctx, q, q_scale, eps);
    return rms_norm_heads_in_place(ctx, k, k_scale, eps);
  }
  check_shape("rms_norm_heads", "q_scale", q_scale, {q.dim});
  check_shape("rms_norm_heads", "k_scale", k_scale, {k.dim});
  backend(ctx, "rms_norm_heads").rms_norm_heads(q, k, q_scale, k_scale, eps);
}

void layer_norm_heads_in_place(
    Context& ctx, const HeadView& x, const Tensor& weight, const Tensor& bias, float eps) {
  check_shape("layer_norm_heads", "weight", weight, {x.dim});
  check_shape("layer_norm_heads", "bias", bias, {x.dim});
  if (x.device != Device::cpu) {
    return backend(ctx, "layer_norm_heads").layer_norm_heads(x, weight, bias, eps);
  }
  normalize_heads(ctx, x, eps, weight.f32(), bias.f32(), cpu::kernels().layer_norm);
}

}  // namespace sinter::ops
