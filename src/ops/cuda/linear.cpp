#include "ops/cuda/linear.h"

#include <cstdint>

#include "ops/cuda/points.h"
#include "ops/cuda/quantize.h"
#include "ops/cuda/rows.h"
#include "ops/cuda/views.h"

namespace sinter::ops::cuda {

namespace {

using sinter::cuda::Epilogue;

/// x as cuBLASLt takes it: of the weight's type, rows at multiples of 16 bytes, filled up with
/// zeros to the weight's input_stride().
RowView operand(Context& ctx, const RowView& x, const LinearWeight& weight, cudaStream_t stream) {
  const std::int64_t columns = weight.input_stride();
  const DType dtype = weight.operand_dtype();
  if (x.dtype == dtype && is_aligned(x) && x.columns == columns) return x;
  const RowView fitting = ctx.allocate(dtype, {x.rows, columns}, x.name);
  if (dtype != DType::f8_e4m3) {
    copy(rows_of(fitting), rows_of(x), stream);
    return fitting;
  }
  RowView aligned = x;
  if (!is_aligned(x)) {
    aligned = ctx.allocate(weight.dtype(), {x.rows, columns}, x.name);
    copy(rows_of(aligned), rows_of(x), stream);
  }
  quantize(
      rows_of(fitting), rows_of(aligned), 1.0F / weight.input_scale(), Activation::none, stream);
  return fitting;
}

/// Where a product goes that is read by another kernel only.
RowView product_rows(Context& ctx, std::int64_t rows, const LinearWeight& weight) {
  constexpr std::int64_t kAligned = 8;
  const std::int64_t stride = (weight.out_features() + kAligned - 1) / kAligned * kAligned;
  const RowView all = ctx.allocate(weight.dtype(), {rows, stride}, "product");
  return columns(all, 0, weight.out_features());
}

/// A layer of one channel is a dot product a row.
void one_channel(Context& ctx,
                 const RowView& x,
                 const LinearWeight& weight,
                 const RowView& dst,
                 Activation activation,
                 cudaStream_t stream) {
  const float* bias = nullptr;
  if (weight.has_bias()) {
    const Tensor value = ctx.allocate(DType::f32, {1}, "bias");
    void* const stored = const_cast<void*>(weight.bias_data());
    copy(vector_of(value), {stored, weight.dtype(), 1, 1, 1}, stream);
    bias = value.f32();
  }
  dot_rows(static_cast<float*>(dst.data), rows_of(x), weight.data(), bias, stream);
  if (activation != Activation::none) activate(rows_of(dst), activation, stream);
}

}  // namespace

void LinearProducts::linear(Context& ctx,
                            const RowView& x,
                            const LinearWeight& weight,
                            const RowView& dst,
                            const LinearOptions& options,
                            cudaStream_t stream) {
  if (x.rows == 0) return;
  ArenaScope scope(ctx.arena());
  const Activation activation = options.activation;
  const RowView in = operand(ctx, x, weight, stream);
  if (dst.dtype == DType::f8_e4m3) return linear_e4m3(ctx, in, weight, dst, options, stream);
  // dot_rows() writes one f32 after the other.
  if (weight.out_features() == 1 && dst.dtype == DType::f32 && dst.row_stride == 1) {
    return one_channel(ctx, in, weight, dst, activation, stream);
  }
  const bool direct = dst.dtype == weight.dtype() && is_aligned(dst);
  const RowView out = direct ? dst : product_rows(ctx, x.rows, weight);
  multiply(in, weight, out, Epilogue::none, activation, stream);
  if (!direct) copy(rows_of(dst), rows_of(out), stream);
}

void LinearProducts::linear_add_gated(Context& ctx,
                                      const RowView& residual,
                                      const Tensor& gate,
                                      const RowView& x,
                                      const LinearWeight& weight,
                                      cudaStream_t stream) {
  if (x.rows == 0) return;
  ArenaScope scope(ctx.arena());
  const RowView in = operand(ctx, x, weight, stream);
  if (!gate.defined() && residual.dtype == weight.dtype() && is_aligned(residual)) {
    return multiply(in, weight, residual, Epilogue::add, Activation::none, stream);
  }
  const RowView y = product_rows(ctx, x.rows, weight);
  multiply(in, weight, y, Epilogue::none, Activation::none, stream);
  if (gate.defined()) {
    add_gated(rows_of(residual), vector_of(gate), rows_of(y), stream);
  } else {
    add(rows_of(residual), rows_of(y), stream);
  }
}

/// The product does what it can: GELU by tanh after a bias, and the rounding to e4m3 of e4m3
/// operands. Else both are one pass behind it.
void LinearProducts::linear_e4m3(Context& ctx,
                                 const RowView& x,
                                 const LinearWeight& weight,
                                 const RowView& dst,
                                 const LinearOptions& options,
                                 cudaStream_t stream) {
  const bool within = options.activation == Activation::none ||
                      (options.activation == Activation::gelu_tanh && weight.has_bias());
  if (within && x.dtype == DType::f8_e4m3 && is_aligned(dst)) {
    return multiply(
        x, weight, dst, Epilogue::none, options.activation, stream, options.reader->input_factor());
  }
  const RowView y = product_rows(ctx, x.rows, weight);
  multiply(x, weight, y, Epilogue::none, Activation::none, stream);
  quantize(
      rows_of(dst), rows_of(y), 1.0F / options.reader->input_scale(), options.activation, stream);
}

void LinearProducts::multiply(const RowView& x,
                              const LinearWeight& weight,
                              const RowView& dst,
                              Epilogue epilogue,
                              Activation activation,
                              cudaStream_t stream,
                              const float* dst_factor) {
  const bool fused = activation == Activation::gelu_tanh && weight.has_bias();
  products_.run({.rows = x.rows,
                 .in_features = weight.input_stride(),
                 .out_features = weight.out_features(),
                 .x = x.data,
                 .weight = weight.data(),
                 .bias = weight.bias_data(),
                 .dst = dst.data,
                 .x_stride = x.row_stride,
                 .dst_stride = dst.row_stride,
                 .epilogue = fused ? Epilogue::gelu_tanh : epilogue,
                 .dtype = weight.dtype(),
                 .narrow = x.dtype == DType::f8_e4m3,
                 .scale = weight.scale() * weight.input_scale(),
                 .dst_factor = dst_factor},
                stream);
  if (activation != Activation::none && !fused) activate(rows_of(dst), activation, stream);
}

}  // namespace sinter::ops::cuda
