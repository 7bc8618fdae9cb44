#include "ops/activation.h"

#include <cmath>

#include "cpu/threads.h"
#include "ops/check.h"

namespace sinter::ops {

namespace {

float apply(float x, Activation activation) {
  switch (activation) {
    case Activation::gelu_erf:
      return 0.5F * x * (1.0F + std::erf(x * 0.70710678F));
    case Activation::gelu_tanh:
      return 0.5F * x * (1.0F + std::tanh(0.79788456F * (x + 0.044715F * x * x * x)));
    case Activation::silu:
      return x / (1.0F + std::exp(-x));
    case Activation::none:
      break;
  }
  return x;
}

}  // namespace

void activate_in_place(Context& ctx, const RowView& x, Activation activation) {
  if (x.device != Device::cpu) fail_device("activation", x.device);
  cpu::parallel_ranges(ctx.threads, x.rows, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t row = begin; row < end; ++row) {
      float* values = x.data + row * x.row_stride;
      for (std::int64_t c = 0; c < x.columns; ++c) values[c] = apply(values[c], activation);
    }
  });
}

void gelu_erf_in_place(Context& ctx, const RowView& x) {
  activate_in_place(ctx, x, Activation::gelu_erf);
}

void gelu_tanh_in_place(Context& ctx, const RowView& x) {
  activate_in_place(ctx, x, Activation::gelu_tanh);
}

void silu_in_place(Context& ctx, const RowView& x) {
  activate_in_place(ctx, x, Activation::silu);
}

Tensor silu_mul(Context& ctx, const Tensor& x) {
  check_f32("silu_mul", "x", x);
  SINTER_CHECK(x.shape.back() % 2 == 0,
               ErrorCode::invalid_argument,
               "[silu_mul] x: expected an even last axis, got ",
               x.shape,
               origin(x.name));
  if (x.device != Device::cpu) fail_device("silu_mul", x.device);
  const std::int64_t half = x.shape.back() / 2;
  std::int64_t extents[Shape::kMaxRank] = {};
  for (int axis = 0; axis < x.shape.rank(); ++axis) extents[axis] = x.dim(axis);
  extents[x.shape.rank() - 1] = half;
  Tensor y = ctx.allocate(DType::f32, Shape(extents, static_cast<std::size_t>(x.shape.rank())));
  const float* src = x.f32();
  float* dst = y.f32_mut();
  const std::int64_t rows = half == 0 ? 0 : y.elements() / half;
  cpu::parallel_ranges(ctx.threads, rows, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* a = src + row * 2 * half;
      for (std::int64_t c = 0; c < half; ++c) {
        dst[row * half + c] = apply(a[c], Activation::silu) * a[half + c];
      }
    }
  });
  return y;
}

}  // namespace sinter::ops
