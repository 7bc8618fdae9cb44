#pragma once
// The kernel behind every norm over whole rows: layer norm, modulated or weighted, with what stands
// before it (a gated residual) or behind it (the product with one vector).

#include <type_traits>

#include "cuda/status.h"
#include "ops/cuda/e4m3.cuh"
#include "ops/cuda/launch.h"
#include "ops/cuda/norm.h"
#include "ops/cuda/pack.cuh"
#include "ops/cuda/row_sum.cuh"

namespace sinter::ops::cuda {

namespace {

constexpr int kNormThreads = 128;

enum class NormKind {
  plain,  ///< dst = norm(x)
  gated,  ///< residual += gate * x, dst = norm(residual)
  dot,    ///< dots = norm(x) . vector
};

template <class V>
struct NormGroup {
  std::int64_t rows;
  const V *shift, *scale, *gate;
};

/// x [rows, columns] of S, all vectors and the residual of D, dst of O. The norm is multiplied with
/// `one` + scale and shift is added, or neither where `affine` is not set.
template <class S, class D, class O = D>
struct NormTask {
  const S* x;
  D* residual;
  O* dst;
  std::int64_t x_stride, residual_stride, dst_stride;
  NormGroup<D> groups[ModulatedRows::kMaxGroups];
  int rows, columns;
  float eps, one;
  bool affine;
  bool wide;  // every row and vector is aligned, columns are a multiple of 8
  const D* vector;
  float* dots;
  float offset;
  const float* device_offset;  // in place of `offset` where not null
};

/// RowWarps warps a row; a thread holds Vectors stretches of eight columns. `Wide`: of tasks that
/// are.
template <class S, class D, class O, int Vectors, int RowWarps, NormKind Kind, bool Wide>
__global__ void __launch_bounds__(kNormThreads) norm_kernel(const NormTask<S, D, O> p) {
  constexpr int kRowThreads = kWarp * RowWarps, kStride = kRowThreads * kVector;
  const int row = static_cast<int>(blockIdx.x) * (kNormThreads / kRowThreads) +
                  static_cast<int>(threadIdx.x) / kRowThreads;
  const bool present = row < p.rows;  // all threads stay for the sums
  const bool second = row >= p.groups[0].rows;
  const D* const shift_row = second ? p.groups[1].shift : p.groups[0].shift;
  const D* const scale_row = second ? p.groups[1].scale : p.groups[0].scale;
  const D* const gate_row = second ? p.groups[1].gate : p.groups[0].gate;
  const int first = static_cast<int>(threadIdx.x) % kRowThreads * kVector;
  const S* const x = p.x + row * p.x_stride;
  D* const residual = p.residual + row * p.residual_stride;
  const auto holds = [&](int i) { return present && first + i * kStride < p.columns; };
  const auto count = [&](int i) { return p.columns - first - i * kStride; };

  // Loads alone, nothing that would wait for one of them before the next is asked for.
  RawVector<S> raw[Vectors];
  RawVector<D> shifts[Vectors], scales[Vectors], befores[Vectors], gates[Vectors], dotted[Vectors];
  if constexpr (Wide) {
#pragma unroll
    for (int i = 0; i < Vectors; ++i) {
      if (!holds(i)) continue;
      const int column = first + i * kStride;
      raw[i] = load_raw(x + column);
      if constexpr (Kind == NormKind::gated) {
        befores[i] = load_raw(residual + column);
        gates[i] = load_raw(gate_row + column);
      }
      if constexpr (Kind == NormKind::dot) dotted[i] = load_raw(p.vector + column);
      if (p.affine) {
        shifts[i] = load_raw(shift_row + column);
        scales[i] = load_raw(scale_row + column);
      }
    }
  }
  float value[Vectors][kVector];
  float sum = 0.0F;
#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    if (!holds(i)) continue;
    const int column = first + i * kStride;
    if constexpr (Wide) {
      unpack_vector(raw[i], value[i]);
    } else {
      load_some(x + column, count(i), value[i]);
    }
    if constexpr (Kind == NormKind::gated) {
      float before[kVector], gate[kVector];
      unpack_vector(befores[i], before);
      unpack_vector(gates[i], gate);
#pragma unroll
      for (int e = 0; e < kVector; ++e) value[i][e] = fmaf(gate[e], value[i][e], before[e]);
      store_vector(residual + column, value[i]);
      // The norm is of what the next reader of the residual will see.
#pragma unroll
      for (int e = 0; e < kVector; ++e) value[i][e] = to_float(from_float<D>(value[i][e]));
    }
#pragma unroll
    for (int e = 0; e < kVector; ++e) sum += value[i][e];
  }
  const float mean = row_sum<kNormThreads, RowWarps, 0>(sum) / static_cast<float>(p.columns);

  float squares = 0.0F;
#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    if (!holds(i)) continue;
#pragma unroll
    for (int e = 0; e < kVector; ++e) {
      value[i][e] = Wide || e < count(i) ? value[i][e] - mean : 0.0F;
      squares = fmaf(value[i][e], value[i][e], squares);
    }
  }
  const float inverse =
      rsqrtf(row_sum<kNormThreads, RowWarps, 1>(squares) / static_cast<float>(p.columns) + p.eps);

  float dot = 0.0F;
#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    if (!holds(i)) continue;
    const int column = first + i * kStride;
    float shift[kVector] = {}, scale[kVector] = {};
    if (p.affine) {
      if constexpr (Wide) {
        unpack_vector(shifts[i], shift);
        unpack_vector(scales[i], scale);
      } else {
        load_some(shift_row + column, count(i), shift);
        load_some(scale_row + column, count(i), scale);
      }
    }
#pragma unroll
    for (int e = 0; e < kVector; ++e)
      value[i][e] = fmaf(value[i][e] * inverse, p.one + scale[e], shift[e]);
    if constexpr (Kind == NormKind::dot) {
      float vector[kVector];
      if constexpr (Wide) {
        unpack_vector(dotted[i], vector);
      } else {
        load_some(p.vector + column, count(i), vector);
      }
#pragma unroll
      for (int e = 0; e < kVector; ++e) dot = fmaf(value[i][e], vector[e], dot);
    } else if constexpr (Wide) {
      store_vector(p.dst + row * p.dst_stride + column, value[i]);
    } else {
      store_some(p.dst + row * p.dst_stride + column, count(i), value[i]);
    }
  }
  if constexpr (Kind == NormKind::dot) {
    dot = row_sum<kNormThreads, RowWarps, 2>(dot);
    const float offset = p.device_offset != nullptr ? *p.device_offset : p.offset;
    if (present && first == 0) p.dots[row] = dot + offset;
  }
}

/// Few threads with much to wait for at once, unless the residual and its gates are as much again.
template <NormKind Kind, class S, class D, class O>
void launch_norm(const NormTask<S, D, O>& task, cudaStream_t stream) {
  const auto run = [&](auto vectors, auto warps, auto wide) {
    constexpr int kVectors = decltype(vectors)::value, kRowWarps = decltype(warps)::value;
    norm_kernel<S, D, O, kVectors, kRowWarps, Kind, decltype(wide)::value>
        <<<blocks_for(task.rows, kNormThreads / (kWarp * kRowWarps)), kNormThreads, 0, stream>>>(
            task);
    sinter::cuda::check_launch("norm");
  };
  constexpr std::integral_constant<int, 1> one;
  constexpr std::integral_constant<int, 2> two;
  constexpr std::integral_constant<int, 3> three;
  constexpr std::integral_constant<int, 4> four;
  constexpr std::true_type wide;
  if (task.rows == 0) return;
  const int vectors = (task.columns + kWarp * kVector - 1) / (kWarp * kVector);
  if constexpr (Kind != NormKind::gated && !std::is_same_v<O, __nv_fp8_e4m3>) {
    if (!task.wide) return run(four, four, std::false_type{});
  }
  if (vectors <= 2) return run(two, one, wide);
  if (vectors > 12) return run(four, four, wide);
  if (vectors > 8) return run(three, four, wide);
  if (vectors > 4 && vectors <= 6) return run(three, two, wide);
  if constexpr (Kind == NormKind::gated) {
    vectors <= 4 ? run(two, two, wide) : run(two, four, wide);
  } else {
    vectors <= 4 ? run(four, one, wide) : run(four, two, wide);
  }
}

}  // namespace

}  // namespace sinter::ops::cuda
