#include "ops/activation.h"

#include "cpu/kernels.h"
#include "ops/backend.h"
#include "ops/check.h"
#include "ops/pointwise_rows.h"

namespace sinter::ops {

namespace {

cpu::Pointwise pointwise_of(Activation activation) {
  switch (activation) {
    case Activation::gelu_erf:
      return cpu::Pointwise::gelu_erf;
    case Activation::gelu_tanh:
      return cpu::Pointwise::gelu_tanh;
    case Activation::silu:
      return cpu::Pointwise::silu;
    case Activation::none:
      break;
  }
  return cpu::Pointwise::none;
}

}  // namespace

void activate_in_place(Context& ctx, const RowView& x, Activation activation) {
  if (x.device != Device::cpu) return backend(ctx, "activation").activate(x, activation);
  for_rows(ctx, x, [&](float* row, std::int64_t, std::int64_t count) {
    cpu::kernels().activate(row, count, pointwise_of(activation));
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
  check_values("silu_mul", "x", x);
  SINTER_CHECK(x.shape.back() % 2 == 0,
               ErrorCode::invalid_argument,
               "[silu_mul] x: expected an even last axis, got ",
               x.shape,
               origin(x.name));
  const std::int64_t half = x.shape.back() / 2;
  Tensor y = ctx.activation(with_last_axis(x.shape, half));
  if (x.device != Device::cpu) {
    backend(ctx, "silu_mul").silu_mul(x, y);
    return y;
  }
  const float* src = x.f32();
  for_rows(ctx, y, [&](float* row, std::int64_t index, std::int64_t count) {
    const float* a = src + index * 2 * half;
    cpu::kernels().silu_mul(a, a + half, row, count);
  });
  return y;
}

}  // namespace sinter::ops
