#include "ops/linear.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/gemm.h"
#include "cpu/threads.h"
#include "ops/backend.h"
#include "ops/check.h"
#include "ops/elementwise.h"

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

void check_weight(const Tensor& weight, std::int64_t in) {
  SINTER_CHECK(weight.defined() && is_floating(weight.dtype) && weight.shape.rank() >= 2 &&
                   weight.elements() > 0,
               ErrorCode::invalid_argument,
               "[linear] weight: expected a floating-point [out, in], got ",
               weight.defined() ? cat(to_string(weight.dtype), " ", weight.shape) : "no tensor",
               origin(weight.name));
  SINTER_CHECK(weight.elements() / weight.dim(0) == in,
               ErrorCode::invalid_argument,
               "[linear] stacked weight: expected ",
               in,
               " input channels as in the first, got ",
               weight.shape,
               origin(weight.name));
}

void check_bias(const Tensor& bias, std::int64_t out) {
  const Shape expected{out};
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

/// Packs a weight as rows [first, first + its own) of a matrix [out, in].
void pack_weight(const Tensor& weight,
                 std::int64_t first,
                 std::int64_t out,
                 std::int64_t in,
                 int threads,
                 float* packed) {
  // Converted a few rows at a time; four is what the packing transposes at once.
  constexpr std::int64_t kRows = 4;
  const auto batch = static_cast<std::size_t>(kRows * in);
  std::vector<float> converted(static_cast<std::size_t>(threads) * batch);
  const std::size_t row_bytes = static_cast<std::size_t>(in) * size_of(weight.dtype);
  const std::int64_t own = weight.dim(0), batches = (own + kRows - 1) / kRows;
  cpu::parallel_ranges(threads, batches, [&](std::int64_t begin, std::int64_t end, int thread) {
    float* rows = converted.data() + static_cast<std::size_t>(thread) * batch;
    for (std::int64_t o = begin * kRows; o < std::min(end * kRows, own); o += kRows) {
      const std::int64_t count = std::min(kRows, own - o);
      const std::byte* src =
          static_cast<const std::byte*>(weight.data) + static_cast<std::size_t>(o) * row_bytes;
      convert_to_float(src, weight.dtype, rows, static_cast<std::size_t>(count * in));
      cpu::pack_rows(rows, first + o, count, out, in, packed);
    }
  });
}

void check_operands(const RowView& x, const LinearWeight& weight, const RowView& dst) {
  SINTER_CHECK(weight.defined(),
               ErrorCode::invalid_argument,
               "[linear] the weight has not been loaded",
               origin(x.name));
  check_rows("linear", "x", x, x.rows, weight.in_features());
  check_rows("linear", "dst", dst, x.rows, weight.out_features());
  SINTER_CHECK(x.dtype != DType::f8_e4m3 || weight.operand_dtype() == x.dtype,
               ErrorCode::invalid_argument,
               "[linear] x: expected ",
               to_string(weight.operand_dtype()),
               " as the weight is, got ",
               to_string(x.dtype),
               origin(x.name));
  check_device("linear", x, weight.device());
  check_device("linear", dst, weight.device());
}

void run(Context& ctx,
         const RowView& x,
         const LinearWeight& weight,
         const RowView& dst,
         const cpu::Epilogue& epilogue) {
  cpu::gemm(ctx,
            {x.rows, weight.out_features(), weight.in_features()},
            x.row(0),
            x.row_stride,
            weight.packed(),
            dst.row(0),
            dst.row_stride,
            epilogue);
}

Tensor result(Context& ctx, const Shape& shape, const LinearOptions& options) {
  return ctx.allocate(options.reader != nullptr ? options.reader->operand_dtype() : ctx.compute(),
                      shape);
}

void check_reader(const RowView& dst, const LinearOptions& options) {
  SINTER_CHECK(dst.dtype != DType::f8_e4m3 ||
                   (options.reader != nullptr && options.reader->operand_dtype() == dst.dtype),
               ErrorCode::invalid_argument,
               "[linear] dst: expected a reader of e4m3 that it is for",
               origin(dst.name));
}

void check_gate(const Tensor& gate, const LinearWeight& weight) {
  if (gate.defined()) check_shape("linear", "gate", gate, {weight.out_features()});
}

}  // namespace

LinearWeight::LinearWeight(const Tensor& weight, const Tensor& bias, const Placement& placement)
    : LinearWeight(std::span(&weight, 1), bias, placement) {}

LinearWeight::LinearWeight(std::span<const Tensor> stack,
                           const Tensor& bias,
                           const Placement& placement) {
  const Tensor& head = stack.front();
  const std::int64_t rows = head.shape.rank() > 0 ? head.dim(0) : 0;
  in_features_ = rows > 0 ? head.elements() / rows : 0;
  std::int64_t out = 0;
  for (const Tensor& weight : stack) {
    check_weight(weight, in_features_);
    out += weight.dim(0);
  }
  check_bias(bias, out);
  out_features_ = out;
  if (placement.accelerator == nullptr) {
    pack(stack, bias, std::max(placement.threads, 1));
  } else {
    accelerator_ = placement.accelerator;
    device_ = accelerator_->device();
    dtype_ = placement.dtype;
    upload(stack, bias, placement);
  }
}

void LinearWeight::pack(std::span<const Tensor> stack, const Tensor& bias, int threads) {
  const std::int64_t out = out_features_, in = in_features_;
  packed_ = Buffer(static_cast<std::size_t>(cpu::packed_size(out, in)) * sizeof(float));
  std::int64_t first = 0;
  for (const Tensor& weight : stack) {
    pack_weight(weight, first, out, in, threads, reinterpret_cast<float*>(packed_.data()));
    first += weight.dim(0);
  }
  if (bias.defined()) {
    bias_ = Buffer(static_cast<std::size_t>(out) * sizeof(float));
    convert_to_float(bias.data,
                     bias.dtype,
                     reinterpret_cast<float*>(bias_.data()),
                     static_cast<std::size_t>(out));
  }
}

std::int64_t LinearWeight::input_stride() const {
  constexpr std::int64_t kAligned = 8;  // 16 bytes of a 16-bit type; e4m3 needs no filling
  return (in_features_ + kAligned - 1) / kAligned * kAligned;
}

void LinearWeight::upload(std::span<const Tensor> stack,
                          const Tensor& bias,
                          const Placement& placement) {
  constexpr std::int64_t kMultiple = 16;  // of channels, that products of e4m3 take
  Accelerator& accelerator = *placement.accelerator;
  const bool narrow =
      placement.fp8 && out_features_ % kMultiple == 0 && in_features_ % kMultiple == 0;
  const DType dtype = narrow ? DType::f32 : dtype_;
  const std::int64_t stride = input_stride();
  packed_ = Buffer(static_cast<std::size_t>(out_features_ * stride) * size_of(dtype), &accelerator);
  const Tensor all{packed_.data(), dtype, device_, {out_features_, stride}, stack.front().name};
  std::int64_t first = 0;
  for (const Tensor& weight : stack) {
    const std::int64_t own = weight.dim(0);
    accelerator.upload(weight.reshape({own, in_features_}), all.slice(first, first + own));
    first += own;
  }
  if (narrow) quantize(all, bias, accelerator);
  if (bias.defined()) {
    bias_ = Buffer(static_cast<std::size_t>(out_features_) * size_of(dtype_), &accelerator);
    accelerator.upload(bias, {bias_.data(), dtype_, device_, {out_features_}, bias.name});
  }
}

void LinearWeight::quantize(const Tensor& rows, const Tensor& bias, Accelerator& accelerator) {
  constexpr float kRootMeanSquare = 2.0F;
  constexpr float kRounded = 1.0625F * 1.0625F;  // what both operands may grow by
  Backend& device = backend(accelerator);
  const RowExtent extent = device.measure(rows);
  Buffer packed(static_cast<std::size_t>(rows.elements()), &accelerator);
  scale_ = extent.most > 0.0F ? extent.most / kMostE4m3 : 1.0F;
  device.quantize(
      rows, scale_, Tensor{packed.data(), DType::f8_e4m3, device_, rows.shape, rows.name});
  packed_ = std::move(packed);
  std::vector<float> values(static_cast<std::size_t>(bias.defined() ? out_features_ : 0));
  if (bias.defined()) convert_to_float(bias.data, bias.dtype, values.data(), values.size());
  float most_bias = 0.0F;
  for (const float b : values) most_bias = std::max(most_bias, std::abs(b));
  most_output_ = kRounded * kRootMeanSquare * std::sqrt(static_cast<float>(in_features_)) *
                     extent.longest_row +
                 most_bias;
  input_factor_ = Buffer(sizeof(float), &accelerator);
  set_most_input(kMostE4m3);
}

void LinearWeight::set_most_input(float most) {
  if (!narrow()) return;
  input_scale_ = most > 0.0F ? most / kMostE4m3 : 1.0F;
  float factor = 1.0F / input_scale_;
  backend(*accelerator_)
      .upload({&factor, DType::f32, Device::cpu, {1}, {}},
              {input_factor_.data(), DType::f32, device_, {1}, {}});
}

Tensor linear_input(Context& ctx,
                    const LinearWeight& weight,
                    std::int64_t rows,
                    std::string_view name) {
  return ctx.allocate(weight.operand_dtype(), {rows, weight.in_features()}, name);
}

Tensor linear(Context& ctx,
              const Tensor& x,
              const LinearWeight& weight,
              const LinearOptions& options) {
  check_values("linear", "x", x);
  const Tensor y = result(ctx, with_last_axis(x.shape, weight.out_features()), options);
  linear_into(ctx, x, weight, y, options);
  return y;
}

Tensor linear(Context& ctx,
              const RowView& x,
              const LinearWeight& weight,
              const LinearOptions& options) {
  const Tensor y = result(ctx, {x.rows, weight.out_features()}, options);
  linear_into(ctx, x, weight, y, options);
  return y;
}

void linear_into(Context& ctx,
                 const RowView& x,
                 const LinearWeight& weight,
                 const RowView& dst,
                 const LinearOptions& options) {
  check_operands(x, weight, dst);
  check_reader(dst, options);
  if (x.device != Device::cpu) {
    return backend(ctx, "linear").linear(ctx, x, weight, dst, options);
  }
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
  check_operands(x, weight, residual);
  check_gate(gate, weight);
  if (x.device != Device::cpu) {
    return backend(ctx, "linear").linear_add_gated(ctx, residual, gate, x, weight);
  }
  cpu::Epilogue epilogue;
  epilogue.bias = weight.bias();
  epilogue.accumulate = true;
  if (gate.defined()) epilogue.gate = gate.f32();
  run(ctx, x, weight, residual, epilogue);
}

void linear_add_gated_modulate(Context& ctx,
                               const Tensor& residual,
                               std::span<const BranchEnd> ends,
                               const Tensor& dst,
                               const Tensor& products) {
  check_shape("linear", "dst", dst, residual.shape);
  if (products.defined()) check_shape("linear", "products", products, residual.shape);
  std::int64_t row = 0;
  for (const BranchEnd& end : ends) {
    const Tensor own = residual.slice(row, row + end.x.rows);
    check_operands(end.x, *end.weight, own);
    check_gate(end.gate, *end.weight);
    check_shape("linear", "shift", end.next.shift, {residual.shape.back()});
    check_shape("linear", "scale", end.next.scale, {residual.shape.back()});
    if (own.device == Device::cpu) {
      if (products.defined()) {
        const Tensor product = products.slice(row, row + end.x.rows);
        linear_into(ctx, end.x, *end.weight, product);
        add_gated_in_place(ctx, own, end.gate, product);
      } else {
        linear_add_gated_in_place(ctx, own, end.gate, end.x, *end.weight);
      }
      layer_norm_modulate_into(ctx, own, end.next, dst.slice(row, row + end.x.rows));
    }
    row += end.x.rows;
  }
  check_rows("linear", "residual", residual, row, residual.shape.back());
  if (residual.device != Device::cpu) {
    backend(ctx, "linear").linear_add_gated_modulate(ctx, residual, ends, dst, products);
  }
}

}  // namespace sinter::ops
