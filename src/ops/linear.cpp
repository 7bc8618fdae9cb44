#include "ops/linear.h"

#include <algorithm>
#include <vector>

#include "cpu/gemm.h"
#include "cpu/threads.h"
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
      cpu::gemm(ctx,
                {x.rows, weight.out_features(), weight.in_features()},
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

LinearWeight::LinearWeight(const Tensor& weight, const Tensor& bias, int threads) {
  check_weight(weight, bias);
  const std::int64_t out = weight.dim(0);
  const std::int64_t in = weight.elements() / out;
  packed_ = Buffer(static_cast<std::size_t>(cpu::packed_size(out, in)) * sizeof(float));
  // Converted a few rows at a time; four is what the packing transposes at once.
  constexpr std::int64_t kRows = 4;
  const auto batch = static_cast<std::size_t>(kRows * in);
  std::vector<float> converted(static_cast<std::size_t>(std::max(threads, 1)) * batch);
  const std::size_t row_bytes = static_cast<std::size_t>(in) * size_of(weight.dtype);
  const std::int64_t batches = (out + kRows - 1) / kRows;
  cpu::parallel_ranges(threads, batches, [&](std::int64_t begin, std::int64_t end, int thread) {
    float* rows = converted.data() + static_cast<std::size_t>(thread) * batch;
    for (std::int64_t o = begin * kRows; o < std::min(end * kRows, out); o += kRows) {
      const std::int64_t count = std::min(kRows, out - o);
      const std::byte* src =
          static_cast<const std::byte*>(weight.data) + static_cast<std::size_t>(o) * row_bytes;
      convert_to_float(src, weight.dtype, rows, static_cast<std::size_t>(count * in));
      cpu::pack_rows(rows, o, count, out, in, reinterpret_cast<float*>(packed_.data()));
    }
  });
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
  Tensor y = ctx.allocate(DType::f32, with_last_axis(x.shape, weight.out_features()));
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
