#include "cuda/status.h"
#include "ops/fused/cuda/gated_add.h"
#include "ops/fused/cuda/rows.cuh"

namespace sinter::fused::cuda {

namespace {

using ops::cuda::load_raw;
using ops::cuda::load_some;
using ops::cuda::load_vector;
using ops::cuda::RawVector;
using ops::cuda::store_some;
using ops::cuda::store_vector;
using ops::cuda::unpack_vector;

constexpr int kThreads = 256;
constexpr int kGroups = 2;  // a thread's: the second is asked for before the first has come

template <class T>
struct Operands {
  Strided<const T> x, residual;
  Strided<T> y;
  ModulationReader gate;
  RowGroups groups;
};

/// sum becomes residual + gate * x. The unfused product is rounded to the type that gate and x are
/// promoted to: T or f32.
template <class T, bool Exact>
__device__ __forceinline__ void add(const float (&x)[kVector],
                                    const float (&gate)[kVector],
                                    bool gate_like_x,
                                    float (&sum)[kVector]) {
#pragma unroll
  for (int e = 0; e < kVector; ++e) {
    if constexpr (Exact) {
      const float product = __fmul_rn(gate[e], x[e]);
      sum[e] = __fadd_rn(sum[e], gate_like_x ? round_to<T>(product) : product);
    } else {
      sum[e] = fmaf(gate[e], x[e], sum[e]);
    }
  }
}

template <class T, bool Exact>
__global__ void __launch_bounds__(kThreads) wide_kernel(const __grid_constant__ Operands<T> o) {
  const unsigned first = blockIdx.x * (kThreads * kGroups) + threadIdx.x;
  Place place[kGroups];
  RawVector<T> x[kGroups], residual[kGroups];
#pragma unroll
  for (int i = 0; i < kGroups; ++i) {
    const unsigned group = first + i * kThreads;
    if (group >= o.groups.total) continue;
    place[i] = o.groups.place(group);
    x[i] = load_raw(o.x.at(place[i]));
    residual[i] = load_raw(o.residual.at(place[i]));
  }
#pragma unroll
  for (int i = 0; i < kGroups; ++i) {
    if (first + i * kThreads >= o.groups.total) return;
    float values[kVector], sum[kVector], gate[kVector];
    o.gate.load(place[i], kVector, gate);
    unpack_vector<T>(x[i], values);
    unpack_vector<T>(residual[i], sum);
    add<T, Exact>(values, gate, o.gate.type == element_type<T>(), sum);
    store_vector(o.y.at(place[i]), sum);
  }
}

/// Rows of any length and alignment.
template <class T, bool Exact>
__global__ void __launch_bounds__(kThreads) narrow_kernel(const __grid_constant__ Operands<T> o) {
  const unsigned group = blockIdx.x * kThreads + threadIdx.x;
  if (group >= o.groups.total) return;
  const Place place = o.groups.place(group);
  const int count = o.groups.count(place);
  float values[kVector], sum[kVector], gate[kVector];
  load_some(o.x.at(place), count, values);
  load_some(o.residual.at(place), count, sum);
  o.gate.load(place, count, gate);
  add<T, Exact>(values, gate, o.gate.type == element_type<T>(), sum);
  store_some(o.y.at(place), count, sum);
}

template <class T, bool Exact>
void launch(const Operands<T>& operands, bool wide, cudaStream_t stream) {
  const std::int64_t total = operands.groups.total;
  if (wide) {
    wide_kernel<T, Exact>
        <<<ops::cuda::blocks_for(total, kThreads * kGroups), kThreads, 0, stream>>>(operands);
  } else {
    narrow_kernel<T, Exact>
        <<<ops::cuda::blocks_for(total, kThreads), kThreads, 0, stream>>>(operands);
  }
  sinter::cuda::check_launch("gated add");
}

}  // namespace

void gated_add(const GatedAdd& op, const GatedAddRows& rows, cudaStream_t stream) {
  const bool wide = rows.x.columns % kVector == 0 && has_aligned_rows(op.x, rows.x) &&
                    has_aligned_rows(op.residual, rows.residual) && has_aligned_rows(op.y, rows.y);
  ops::cuda::with_element(dtype_of(op.x.type), "gated add", [&](auto element) {
    using T = decltype(element);
    const Operands<T> operands{.x = strided<const T>(op.x, rows.x),
                               .residual = strided<const T>(op.residual, rows.residual),
                               .y = strided<T>(op.y, rows.y),
                               .gate = ModulationReader(rows.gate),
                               .groups = RowGroups(rows.x)};
    op.rounding == Rounding::exact ? launch<T, true>(operands, wide, stream)
                                   : launch<T, false>(operands, wide, stream);
  });
}

}  // namespace sinter::fused::cuda
