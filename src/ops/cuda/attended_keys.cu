#include <cmath>

#include "cuda/status.h"
#include "ops/cuda/key_selection.cuh"

// The part of key_selection.h that chooses by weight.

namespace sinter::ops::cuda {

namespace {

/// The largest, or the sum, of each of N values over the block, the same for each thread. `memory`
/// [N][warps] may be used again after the next __syncthreads() of all.
template <int N, int Threads, class Combine>
__device__ __forceinline__ void reduce(float (&x)[N], float* memory, Combine combine) {
  constexpr int kWarps = Threads / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp,
            warp = static_cast<int>(threadIdx.x) / kWarp;
#pragma unroll
  for (int n = 0; n < N; ++n) {
#pragma unroll
    for (int step = kWarp / 2; step > 0; step /= 2)
      x[n] = combine(x[n], __shfl_xor_sync(~0U, x[n], step));
    if (lane == 0) memory[n * kWarps + warp] = x[n];
  }
  __syncthreads();
#pragma unroll
  for (int n = 0; n < N; ++n) {
    x[n] = memory[n * kWarps];
    for (int w = 1; w < kWarps; ++w) x[n] = combine(x[n], memory[n * kWarps + w]);
  }
}

/// Queries that a block has: their scores and weights of all keys lie in shared memory.
template <int Queries>
constexpr std::size_t mark_bytes(std::int64_t keys, std::int64_t dim) {
  return sizeof(float) * static_cast<std::size_t>(Queries * (2 * keys + dim));
}

template <class T, int Queries>
__global__ void __launch_bounds__(kChoiceThreads)
    mark_kernel(std::uint8_t* marked,
                const T* q,
                std::int64_t row_stride,
                std::int64_t head_stride,
                const T* k,
                int keys,
                int heads,
                int dim,
                float limit,
                const __grid_constant__ RowGroups groups) {
  extern __shared__ float memory[];
  __shared__ float tops[Queries * kChoiceThreads / kWarp], totals[Queries * kChoiceThreads / kWarp];
  float *score = memory, *weight = score + Queries * keys, *query = weight + Queries * keys;
  const int me = static_cast<int>(threadIdx.x), group = static_cast<int>(blockIdx.y);
  const int first = groups.first[group] + static_cast<int>(blockIdx.x) * Queries;
  const int queries = min(Queries, groups.first[group + 1] - first);
  if (queries <= 0) return;
  // Each thread writes and reads scores and weights of its own keys only.
  for (int key = me; key < keys; key += kChoiceThreads)
    for (int n = 0; n < Queries; ++n) weight[n * keys + key] = 0.0F;

  for (int head = 0; head < heads; ++head) {
    __syncthreads();
    for (int i = me; i < Queries * dim; i += kChoiceThreads) {
      const int n = i / dim;
      query[i] =
          n < queries ? to_float(q[(first + n) * row_stride + head * head_stride + i % dim]) : 0.0F;
    }
    __syncthreads();
    float top[Queries], total[Queries];
#pragma unroll
    for (int n = 0; n < Queries; ++n) top[n] = -INFINITY, total[n] = 0.0F;
    for (int key = me; key < keys; key += kChoiceThreads) {
      const T* from = k + (static_cast<std::int64_t>(key) * heads + head) * dim;
      float sum[Queries] = {};
      for (int i = 0; i < dim; i += kVector) {
        float x[kVector];
        load_vector(from + i, x);
#pragma unroll
        for (int n = 0; n < Queries; ++n)
#pragma unroll
          for (int e = 0; e < kVector; ++e) sum[n] = fmaf(x[e], query[n * dim + i + e], sum[n]);
      }
#pragma unroll
      for (int n = 0; n < Queries; ++n) {
        score[n * keys + key] = sum[n];
        top[n] = fmaxf(top[n], sum[n]);
      }
    }
    reduce<Queries, kChoiceThreads>(top, tops, [](float a, float b) { return fmaxf(a, b); });
    for (int key = me; key < keys; key += kChoiceThreads) {
#pragma unroll
      for (int n = 0; n < Queries; ++n)
        total[n] += score[n * keys + key] = expf(score[n * keys + key] - top[n]);
    }
    reduce<Queries, kChoiceThreads>(total, totals, [](float a, float b) { return a + b; });
    for (int key = me; key < keys; key += kChoiceThreads) {
#pragma unroll
      for (int n = 0; n < Queries; ++n) weight[n * keys + key] += score[n * keys + key] / total[n];
    }
  }
  for (int key = me; key < keys; key += kChoiceThreads) {
    // Negated, so that a broken model's NaN is kept and shows in what attention gives.
    for (int n = 0; n < queries; ++n)
      if (!(weight[n * keys + key] <= limit))
        marked[static_cast<std::int64_t>(group) * keys + key] = 1;
  }
}

__global__ void __launch_bounds__(kChoiceThreads) marked_keys_kernel(std::int32_t* index,
                                                                     std::int32_t* counts,
                                                                     const std::uint8_t* marked,
                                                                     int keys) {
  const int group = static_cast<int>(blockIdx.x);
  marked += static_cast<std::int64_t>(group) * keys;
  index += static_cast<std::int64_t>(group) * keys;
  const int each = (keys + kChoiceThreads - 1) / kChoiceThreads;
  const int begin = min(static_cast<int>(threadIdx.x) * each, keys), end = min(begin + each, keys);
  std::uint32_t mine = 0;
  for (int key = begin; key < end; ++key) mine += marked[key] != 0 ? 1U : 0U;
  std::uint32_t at = sum_before<kChoiceThreads>(mine);
  for (int key = begin; key < end; ++key)
    if (marked[key] != 0) index[at++] = key;
  if (threadIdx.x == kChoiceThreads - 1) counts[group] = static_cast<std::int32_t>(at);
}

template <class T, int Queries>
void mark(std::uint8_t* marked,
          const ChoiceQueries& q,
          const ChoiceKeys& k,
          const RowGroups& groups,
          int longest,
          float limit,
          cudaStream_t stream) {
  const std::size_t bytes = mark_bytes<Queries>(k.keys, k.dim);
  sinter::cuda::check(cudaFuncSetAttribute(mark_kernel<T, Queries>,
                                           cudaFuncAttributeMaxDynamicSharedMemorySize,
                                           static_cast<int>(bytes)),
                      kName);
  const dim3 grid(static_cast<unsigned>(blocks_for(longest, Queries)),
                  static_cast<unsigned>(groups.count));
  mark_kernel<T, Queries><<<grid, kChoiceThreads, bytes, stream>>>(marked,
                                                                   static_cast<const T*>(q.data),
                                                                   q.row_stride,
                                                                   q.head_stride,
                                                                   static_cast<const T*>(k.data),
                                                                   static_cast<int>(k.keys),
                                                                   static_cast<int>(k.heads),
                                                                   static_cast<int>(k.dim),
                                                                   limit,
                                                                   groups);
}

}  // namespace

void mark_attended_keys(std::uint8_t* marked,
                        const ChoiceQueries& q,
                        const ChoiceKeys& keys,
                        const RowGroups& groups,
                        float threshold,
                        cudaStream_t stream) {
  constexpr std::size_t kMostBytes = 200 << 10;  // of the 227 KiB that a block may have
  check_keys(keys);
  const int longest = check_groups(groups);
  const float limit = threshold * static_cast<float>(keys.heads);
  with_type(keys.dtype, [&](auto type) {
    using T = decltype(type);
    mark_bytes<4>(keys.keys, keys.dim) <= kMostBytes
        ? mark<T, 4>(marked, q, keys, groups, longest, limit, stream)
        : mark<T, 2>(marked, q, keys, groups, longest, limit, stream);
  });
  sinter::cuda::check_launch(kName);
}

void marked_keys(std::int32_t* index,
                 std::int32_t* counts,
                 const std::uint8_t* marked,
                 std::int64_t keys,
                 std::int64_t groups,
                 cudaStream_t stream) {
  check_groups(groups);
  SINTER_CHECK(keys >= 1 && keys <= kMaxChoiceKeys,
               ErrorCode::invalid_argument,
               "[",
               kName,
               "] expected 1..",
               kMaxChoiceKeys,
               " keys, got ",
               keys);
  marked_keys_kernel<<<static_cast<unsigned>(groups), kChoiceThreads, 0, stream>>>(
      index, counts, marked, static_cast<int>(keys));
  sinter::cuda::check_launch(kName);
}

}  // namespace sinter::ops::cuda
