#include <algorithm>

#include "cuda/status.h"
#include "ops/cuda/history.h"
#include "ops/cuda/launch.h"
#include "ops/cuda/pack.cuh"
#include "ops/cuda/row_sum.cuh"

namespace sinter::ops::cuda {

namespace {

constexpr int kThreads = 256;

/// Eight values from `from` on, of which `count` are there.
template <class T>
__device__ __forceinline__ void load(const T* from, bool wide, int count, float (&to)[kVector]) {
  if (wide) return load_vector(from, to);
  load_some(from, count, to);
}
template <class T>
__device__ __forceinline__ void store(T* to, bool wide, int count, const float (&from)[kVector]) {
  if (wide) return store_vector(to, from);
  store_some(to, count, from);
}
__device__ __forceinline__ int values_left(std::int64_t first, std::int64_t count) {
  return static_cast<int>(min(count - first, static_cast<std::int64_t>(kVector)));
}

template <class T, class S>
__global__ void __launch_bounds__(kThreads) store_row_kernel(
    T* table, int rows, const int* place, const S* x, std::int64_t count, bool wide) {
  const std::int64_t first =
      (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kVector;
  if (first >= count) return;
  T* const row = table + static_cast<std::int64_t>(*place % rows) * count;
  float values[kVector];
  load(x + first, wide, values_left(first, count), values);
  store(row + first, wide, values_left(first, count), values);
}

template <class T, class D>
__global__ void __launch_bounds__(kThreads) weighted_rows_kernel(
    const T* table, int rows, const float* weights, D* dst, std::int64_t count, bool wide) {
  const std::int64_t first =
      (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kVector;
  if (first >= count) return;
  float sum[kVector] = {};
  for (int j = 0; j < rows; ++j) {
    const float weight = weights[j];
    if (weight == 0.0F) continue;
    float values[kVector];
    load(table + j * count + first, wide, values_left(first, count), values);
#pragma unroll
    for (int e = 0; e < kVector; ++e) sum[e] = fmaf(weight, values[e], sum[e]);
  }
  store(dst + first, wide, values_left(first, count), sum);
}

/// A pair of sums of the threads of a block, in the first thread.
__device__ __forceinline__ float2 block_sums(float2 x) {
  constexpr int kWarps = kThreads / kWarp;
  __shared__ float2 partial[kWarps];
  x = {lanes_sum<kWarp>(x.x), lanes_sum<kWarp>(x.y)};
  if (threadIdx.x % kWarp == 0) partial[threadIdx.x / kWarp] = x;
  __syncthreads();
  float2 total = {0.0F, 0.0F};
  for (int i = 0; i < kWarps; ++i) {
    total.x += partial[i].x;
    total.y += partial[i].y;
  }
  return total;
}

/// The grid and so the order of the additions depend on `count` alone.
template <class T>
__global__ void __launch_bounds__(kThreads)
    change_kernel(const T* a, const T* b, std::int64_t count, bool wide, float2* partial) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kThreads * kVector;
  std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kVector;
  float2 sums = {0.0F, 0.0F};
  for (; first < count; first += stride) {
    const int left = values_left(first, count);
    float x[kVector], y[kVector];
    load(a + first, wide, left, x);
    load(b + first, wide, left, y);
    for (int e = 0; e < left; ++e) {
      sums.x += fabsf(x[e] - y[e]);
      sums.y += fabsf(y[e]);
    }
  }
  sums = block_sums(sums);
  if (threadIdx.x == 0) partial[blockIdx.x] = sums;
}

__global__ void __launch_bounds__(kThreads)
    add_parts_kernel(const float2* partial, int parts, float* sums) {
  float2 own = {0.0F, 0.0F};
  for (int i = static_cast<int>(threadIdx.x); i < parts; i += kThreads) {
    own.x += partial[i].x;
    own.y += partial[i].y;
  }
  const float2 total = block_sums(own);
  if (threadIdx.x != 0) return;
  sums[0] = total.x;
  sums[1] = total.y;
}

__global__ void decide_kernel(DecisionRule rule,
                              const float* sums,
                              const float* forced,
                              float* state,
                              float* record,
                              int* flag) {
  *flag = decide_step(rule, sums, *forced != 0.0F, state, record);
}

__global__ void set_condition_kernel(cudaGraphConditionalHandle handle, const int* flag) {
  cudaGraphSetConditional(handle, *flag != 0 ? 1U : 0U);
}

bool all_wide(const Values& a, const Values& b) {
  return aligned(a.data) && aligned(b.data) && a.count % kVector == 0 && b.count % kVector == 0;
}

}  // namespace

void store_row(const Values& table,
               std::int64_t rows,
               const int* place,
               const Values& x,
               cudaStream_t stream) {
  const bool wide = all_wide(x, table) && x.count % kVector == 0;
  with_element(table.dtype, "store_row", [&](auto t) {
    with_element(x.dtype, "store_row", [&](auto s) {
      using T = decltype(t);
      using S = decltype(s);
      store_row_kernel<T, S><<<blocks_for(x.count, kThreads * kVector), kThreads, 0, stream>>>(
          static_cast<T*>(table.data),
          static_cast<int>(rows),
          place,
          static_cast<const S*>(x.data),
          x.count,
          wide);
    });
  });
  sinter::cuda::check_launch("store_row");
}

void weighted_rows(const Values& table,
                   std::int64_t rows,
                   const float* weights,
                   const Values& dst,
                   cudaStream_t stream) {
  const bool wide = all_wide(dst, table);
  with_element(table.dtype, "weighted_rows", [&](auto t) {
    with_element(dst.dtype, "weighted_rows", [&](auto d) {
      using T = decltype(t);
      using D = decltype(d);
      weighted_rows_kernel<T, D>
          <<<blocks_for(dst.count, kThreads * kVector), kThreads, 0, stream>>>(
              static_cast<const T*>(table.data),
              static_cast<int>(rows),
              weights,
              static_cast<D*>(dst.data),
              dst.count,
              wide);
    });
  });
  sinter::cuda::check_launch("weighted_rows");
}

void measure_change(
    const Values& a, const Values& b, float* scratch, float* sums, cudaStream_t stream) {
  const int parts = std::min(blocks_for(a.count, kThreads * kVector), kChangeParts);
  auto* const partial = reinterpret_cast<float2*>(scratch);
  with_element(a.dtype, "measure_change", [&](auto t) {
    using T = decltype(t);
    change_kernel<T><<<parts, kThreads, 0, stream>>>(static_cast<const T*>(a.data),
                                                     static_cast<const T*>(b.data),
                                                     a.count,
                                                     all_wide(a, b),
                                                     partial);
  });
  sinter::cuda::check_launch("measure_change");
  add_parts_kernel<<<1, kThreads, 0, stream>>>(partial, parts, sums);
  sinter::cuda::check_launch("measure_change");
}

void decide(const DecisionRule& rule, const DecisionTensors& tensors, cudaStream_t stream) {
  decide_kernel<<<1, 1, 0, stream>>>(rule,
                                     tensors.sums.f32(),
                                     tensors.forced.f32(),
                                     tensors.state.f32_mut(),
                                     tensors.record.f32_mut(),
                                     tensors.flag.ptr<int>());
  sinter::cuda::check_launch("decide");
}

void set_condition(cudaGraphConditionalHandle handle, const int* flag, cudaStream_t stream) {
  set_condition_kernel<<<1, 1, 0, stream>>>(handle, flag);
  sinter::cuda::check_launch("branch");
}

}  // namespace sinter::ops::cuda
