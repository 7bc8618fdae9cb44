// The norm of rows of any length, alignment and mixture of types: a block a row, which reads it
// once for each of its passes and finds it in the cache from the second on.

#include "cuda/status.h"
#include "ops/fused/cuda/norm_plan.h"
#include "ops/fused/cuda/rows.cuh"
#include "ops/fused/cuda/torch_sums.cuh"

namespace sinter::fused::cuda {

namespace {

__device__ __forceinline__ float load(const void* data, ElementType type, std::int64_t index) {
  if (type == ElementType::f32) return static_cast<const float*>(data)[index];
  if (type == ElementType::f16) return __half2float(static_cast<const __half*>(data)[index]);
  return __bfloat162float(static_cast<const __nv_bfloat16*>(data)[index]);
}

__device__ __forceinline__ void store(void* data,
                                      ElementType type,
                                      std::int64_t index,
                                      float value) {
  if (type == ElementType::f32) {
    static_cast<float*>(data)[index] = value;
  } else if (type == ElementType::f16) {
    static_cast<__half*>(data)[index] = __float2half_rn(value);
  } else {
    static_cast<__nv_bfloat16*>(data)[index] = __float2bfloat16_rn(value);
  }
}

__device__ __forceinline__ float rounded(float x, ElementType type) {
  if (type == ElementType::f16) return round_to<__half>(x);
  return type == ElementType::bf16 ? round_to<__nv_bfloat16>(x) : x;
}

__device__ __forceinline__ ElementType promoted(ElementType a, ElementType b) {
  return a == b ? a : ElementType::f32;
}

struct Vector {
  const void* data;
  ElementType type;
  std::int64_t sample_stride, token_stride, tokens_each;
  int column_stride;
};
Vector vector_of(const Modulation& m) {
  return {m.data, m.type, m.sample_stride, m.token_stride, m.tokens_each, m.column_stride};
}

/// One row of a Vector.
struct VectorRow {
  const void* data;
  ElementType type;
  std::int64_t begin;
  int column_stride;

  __device__ VectorRow(const Vector& v, std::int64_t sample, std::int64_t token)
      : data(v.data),
        type(v.type),
        begin(sample * v.sample_stride + token / v.tokens_each * v.token_stride),
        column_stride(v.column_stride) {}
  __device__ bool present() const { return data != nullptr; }
  __device__ float at(std::int64_t column) const {
    return load(data, type, begin + column * column_stride);
  }
};

struct AnyNorm {
  Strided<const void> x, residual;
  Strided<void> y, sum;
  Vector weight, bias, gate, scale, shift;
  std::int64_t tokens, columns;
  Statistics statistics;
  MeanOrder mean;
  ElementType type, norm_type;
  float eps;
  bool rms, exact, weight_in_f32, gated;
};

__device__ std::int64_t begin_of(const auto& array, std::int64_t sample, std::int64_t token) {
  return sample * array.sample_stride + token * array.token_stride;
}

__global__ void __launch_bounds__(kTorchRowThreads) any_kernel(const __grid_constant__ AnyNorm o) {
  const std::int64_t row = blockIdx.x, sample = row / o.tokens, token = row % o.tokens;
  const VectorRow weight(o.weight, 0, 0), bias(o.bias, 0, 0), gate(o.gate, sample, token),
      scale(o.scale, sample, token), shift(o.shift, sample, token);
  const std::int64_t y = begin_of(o.y, sample, token);
  const void* normed = o.x.data;
  std::int64_t begin = begin_of(o.x, sample, token);

  if (o.gated) {
    const std::int64_t before = begin_of(o.residual, sample, token),
                       sum = begin_of(o.sum, sample, token);
    for (std::int64_t d = threadIdx.x; d < o.columns; d += kTorchRowThreads) {
      const float value = load(o.x.data, o.type, begin + d);
      const float summand = load(o.residual.data, o.type, before + d);
      const float factor = gate.present() ? gate.at(d) : 1.0F;
      const float product =
          rounded(__fmul_rn(factor, value), promoted(gate.present() ? gate.type : o.type, o.type));
      store(o.sum.data,
            o.type,
            sum + d,
            o.exact ? __fadd_rn(summand, product) : fmaf(factor, value, summand));
    }
    normed = o.sum.data;
    begin = sum;
    __syncthreads();
  }

  const auto x = [&](std::int64_t d) { return load(normed, o.type, begin + d); };
  RowStatistics s{};
  switch (o.statistics) {
    case Statistics::vectors:
      s = block_statistics(o.columns, o.rms, o.eps, x);
      break;
    case Statistics::single:
      s = block_statistics_single(o.columns, o.rms, o.eps, x);
      break;
    case Statistics::mean: {
      const int shift_of_row = static_cast<int>(row * o.columns % 4);
      s = {0.0F, block_inverse_rms(o.mean, o.columns, shift_of_row, o.eps, x)};
      break;
    }
  }

  // Reading in one order and writing in another: y may be what was read above.
  __syncthreads();
  for (std::int64_t d = threadIdx.x; d < o.columns; d += kTorchRowThreads) {
    const float centred = o.rms ? x(d) : __fsub_rn(x(d), s.mean);
    float n = __fmul_rn(centred, s.inverse);
    if (!o.exact) {
      if (weight.present()) n = fmaf(n, weight.at(d), bias.present() ? bias.at(d) : 0.0F);
      if (scale.present()) n = fmaf(n, 1.0F + scale.at(d), shift.at(d));
      store(o.y.data, o.type, y + d, n);
      continue;
    }
    ElementType type = o.norm_type;
    if (!o.rms) {
      if (weight.present()) {
        n = fmaf(n, weight.at(d), bias.at(d));
      } else if (o.statistics == Statistics::single) {
        n = __fadd_rn(n, 0.0F);  // that kernel adds a bias always: -0 becomes 0
      }
      n = rounded(n, type);
    } else if (!weight.present() || o.weight_in_f32) {
      n = rounded(weight.present() ? __fmul_rn(n, weight.at(d)) : n, type);
    } else {
      n = rounded(n, type);
      type = promoted(type, weight.type);
      n = rounded(__fmul_rn(n, weight.at(d)), type);
    }
    if (scale.present()) {
      const float factor = rounded(__fadd_rn(1.0F, scale.at(d)), scale.type);
      type = promoted(type, scale.type);
      n = rounded(__fmul_rn(n, factor), type);
      n = rounded(__fadd_rn(n, shift.at(d)), promoted(type, shift.type));
    }
    store(o.y.data, o.type, y + d, n);
  }
}

template <class Element>
Strided<Element> strided_of(const Array& x, const RowShape& rows) {
  return {x.data, rows.sample_stride, rows.token_stride};
}

}  // namespace

void run_any_rows(const NormPlan& plan, cudaStream_t stream) {
  const NormScaleShift& op = plan.op;
  const NormRows& rows = plan.rows;
  const AnyNorm task{.x = strided_of<const void>(op.x, rows.x),
                     .residual = strided_of<const void>(op.residual, rows.residual),
                     .y = strided_of<void>(op.y, rows.y),
                     .sum = strided_of<void>(op.sum, rows.sum),
                     .weight = vector_of(rows.weight),
                     .bias = vector_of(rows.bias),
                     .gate = vector_of(rows.gate),
                     .scale = vector_of(rows.scale),
                     .shift = vector_of(rows.shift),
                     .tokens = rows.x.tokens,
                     .columns = rows.x.columns,
                     .statistics = plan.statistics,
                     .mean = plan.mean,
                     .type = op.x.type,
                     .norm_type = op.norm_type,
                     .eps = op.eps,
                     .rms = op.kind == NormKind::rms,
                     .exact = op.rounding == Rounding::exact,
                     .weight_in_f32 = op.weight_in_f32,
                     .gated = op.residual.present()};
  any_kernel<<<static_cast<unsigned>(plan.row_count()), kTorchRowThreads, 0, stream>>>(task);
  sinter::cuda::check_launch("norm");
}

}  // namespace sinter::fused::cuda
