#include "ops/linear.h"

#include <algorithm>
#include <vector>

#include "cpu/gemm.h"
#include "ops/check.h"

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

void check_weight(const Tensor& weight, const Tensor& bias) {
  SINTER_CHECK(weight.defined() && is_floating(weight.dtype) && weight.shape.rank() >= 2 &&
                   weight.elements() > 0,
               ErrorCode::invalid_argument,
               "[linear] weight: expected a floating-point [out, in], got ",
               weight.defined() ? cat(to_string(weight.dtype), " ", weight.shape) : "no tensor",
               origin(weight.name));
  const Shape expected{weight.dim(0)};
  SINTER_CHECK(!bias.defined() || (is_floating(bias.dtype) && bias.shape == expected),
               ErrorCode::invalid_argument,
               "[linear] bias: expected a floating-point ",
               expected,
               ", got ",
               to_string(bias.dtype),
               " ",
               bias.shape,
               origin(bias.name));
}

void run(Context& ctx,
         const RowView& x,
         const LinearWeight& weight,
         const RowView& dst,
         const cpu::Epilogue& epilogue) {
  SINTER_CHECK(weight.defined(),
               ErrorCode::invalid_argument,
               "[linear] the weight has not been loaded",
               origin(x.name));
  check_rows("linear", "x", x, x.rows, weight.in_features());
  check_rows("linear", "dst", dst, x.rows, weight.out_features());
  switch (x.device) {
    case Device::cpu:
      cpu::gemm(ctx.threads,
                x.rows,
                weight.out_features(),
                weight.in_features(),
                x.data,
                x.row_stride,
                weight.packed(),
                dst.data,
                dst.row_stride,
                epilogue);
      return;
    case Device::cuda:
      break;
  }
  fail_device("linear", x.device);
}

}  // namespace

LinearWeight::LinearWeight(const Tensor& weight, const Tensor& bias) {
  check_weight(weight, bias);
  const std::int64_t out = weight.dim(0);
  const std::int64_t in = weight.elements() / out;
  packed_ = Buffer(static_cast<std::size_t>(cpu::packed_size(out, in)) * sizeof(float));
  std::vector<float> row(static_cast<std::size_t>(in));
  const std::size_t row_bytes = row.size() * size_of(weight.dtype);
  for (std::int64_t o = 0; o < out; ++o) {
    const std::byte* src =
        static_cast<const std::byte*>(weight.data) + static_cast<std::size_t>(o) * row_bytes;
    convert_to_float(src, weight.dtype, row.data(), row.size());
    cpu::pack_rows(row.data(), in, o, 1, out, in, reinterpret_cast<float*>(packed_.data()));
  }
  if (bias.defined()) {
    bias_ = Buffer(static_cast<std::size_t>(out) * sizeof(float));
    convert_to_float(bias.data,
                     bias.dtype,
                     reinterpret_cast<float*>(bias_.data()),
                     static_cast<std::size_t>(out));
  }
  out_features_ = out;
  in_features_ = in;
}

Tensor linear(Context& ctx,
              const Tensor& x,
              const LinearWeight& weight,
              const LinearOptions& options) {
  check_f32("linear", "x", x);
  std::int64_t extents[Shape::kMaxRank] = {};
  for (int axis = 0; axis < x.shape.rank(); ++axis) extents[axis] = x.dim(axis);
  extents[x.shape.rank() - 1] = weight.out_features();
  Tensor y = ctx.allocate(DType::f32, Shape(extents, static_cast<std::size_t>(x.shape.rank())));
  y.device = x.device;
  linear_into(ctx, x, weight, y, options);
  return y;
}

Tensor linear(Context& ctx,
              const RowView& x,
              const LinearWeight& weight,
              const LinearOptions& options) {
  Tensor y = ctx.allocate(DType::f32, {x.rows, weight.out_features()});
  y.device = x.device;
  linear_into(ctx, x, weight, y, options);
  return y;
}

void linear_into(Context& ctx,
                 const RowView& x,
                 const LinearWeight& weight,
                 const RowView& dst,
                 const LinearOptions& options) {
  cpu::Epilogue epilogue;
  epilogue.bias = weight.bias();
  epilogue.pointwise = pointwise_of(options.activation);
  run(ctx, x, weight, dst, epilogue);
}

void linear_add_gated_in_place(Context& ctx,
                               const RowView& residual,
                               const Tensor& gate,
                               const RowView& x,
                               const LinearWeight& weight) {
  cpu::Epilogue epilogue;
  epilogue.bias = weight.bias();
  epilogue.accumulate = true;
  if (gate.defined()) {
    check_shape("linear", "gate", gate, {weight.out_features()});
    epilogue.gate = gate.f32();
  }
  run(ctx, x, weight, residual, epilogue);
}

}  // namespace sinter::ops
