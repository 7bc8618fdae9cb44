#include "core/error.h"
#include "cuda/status.h"
#include "ops/cuda/experts.h"
#include "ops/cuda/launch.h"
#include "ops/cuda/pack.cuh"
#include "ops/cuda/row_sum.cuh"

namespace sinter::ops::cuda {

namespace {

constexpr int kMaxExperts = ExpertRoutes::kMaxExperts, kMaxTopK = ExpertRoutes::kMaxTopK;
constexpr int kRouted = 256;  // rows of a block of the routing kernels, one a thread
constexpr int kThreads = 256;

/// The k most probable experts of this thread's row, as a mask, and what their probabilities need.
struct Choice {
  unsigned mask = 0;
  float top = 0.0F, total = 0.0F;
};

template <class T>
__device__ __forceinline__ Choice choose(const T* logits, int experts, int top_k) {
  float values[kMaxExperts];
#pragma unroll
  for (int e = 0; e < kMaxExperts; ++e) values[e] = e < experts ? to_float(logits[e]) : -INFINITY;
  Choice choice;
  for (int k = 0; k < top_k; ++k) {
    int best = -1;
    float largest = 0.0F;
#pragma unroll
    for (int e = 0; e < kMaxExperts; ++e) {
      const bool free = e < experts && (choice.mask >> e & 1) == 0;
      if (free && (best < 0 || values[e] > largest)) best = e, largest = values[e];
    }
    choice.mask |= 1U << best;
    if (k == 0) choice.top = largest;
  }
#pragma unroll
  for (int e = 0; e < kMaxExperts; ++e)
    if (e < experts) choice.total += expf(values[e] - choice.top);
  return choice;
}

/// How many of the rows of each block chose each expert: counts [blocks][kMaxExperts].
template <class T>
__global__ void __launch_bounds__(kRouted) count_kernel(
    const T* logits, std::int64_t stride, int rows, int experts, int top_k, int* block_counts) {
  __shared__ int counts[kMaxExperts];
  const int row = static_cast<int>(blockIdx.x) * kRouted + static_cast<int>(threadIdx.x);
  if (threadIdx.x < kMaxExperts) counts[threadIdx.x] = 0;
  __syncthreads();
  const unsigned mask = row < rows ? choose(logits + row * stride, experts, top_k).mask : 0;
#pragma unroll
  for (int e = 0; e < kMaxExperts; ++e) {
    const unsigned votes = __ballot_sync(~0U, mask >> e & 1);
    if (threadIdx.x % kWarp == 0 && votes != 0) atomicAdd(&counts[e], __popc(votes));
  }
  __syncthreads();
  if (threadIdx.x < kMaxExperts)
    block_counts[blockIdx.x * kMaxExperts + threadIdx.x] = counts[threadIdx.x];
}

/// Every block sums the counts before its own, then gives its rows their places.
template <class T>
__global__ void __launch_bounds__(kRouted)
    place_kernel(const ExpertRoutes routes, const T* logits, std::int64_t stride) {
  constexpr int kWarps = kRouted / kWarp;
  __shared__ int next[kMaxExperts];                // first place of this block's rows
  __shared__ int total[kMaxExperts];               // of all blocks
  __shared__ unsigned votes[kWarps][kMaxExperts];  // lanes of a warp that chose the expert
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp, lane = thread % kWarp;
  const int block = static_cast<int>(blockIdx.x), blocks = static_cast<int>(gridDim.x);

  // Sixteen threads a column of counts, summed by shuffles.
  {
    const int expert = thread / kMaxExperts, part = thread % kMaxExperts;
    int before = 0, all = 0;
    for (int b = part; b < blocks; b += kMaxExperts) {
      const int count = routes.scratch[b * kMaxExperts + expert];
      all += count;
      if (b < block) before += count;
    }
#pragma unroll
    for (int lanes = kMaxExperts / 2; lanes > 0; lanes /= 2) {
      before += __shfl_xor_sync(~0U, before, lanes);
      all += __shfl_xor_sync(~0U, all, lanes);
    }
    if (part == 0) next[expert] = before, total[expert] = all;
  }

  const int row = block * kRouted + thread;
  const bool present = row < routes.rows;
  const T* const values = logits + row * stride;
  const Choice choice = present ? choose(values, routes.experts, routes.top_k) : Choice{};
#pragma unroll
  for (int e = 0; e < kMaxExperts; ++e) {
    const unsigned chosen = __ballot_sync(~0U, choice.mask >> e & 1);
    if (lane == 0) votes[warp][e] = chosen;
  }
  __syncthreads();
  if (thread == 0) {
    int offset = 0;
    for (int e = 0; e < routes.experts; ++e) {
      if (block == 0) routes.counts[e] = total[e], routes.offsets[e] = offset;
      next[e] += offset;
      offset += total[e];
    }
    if (block == 0) routes.offsets[routes.experts] = offset;
  }
  __syncthreads();
  if (!present) return;
  int slot = 0;
  for (int e = 0; e < routes.experts; ++e) {
    if ((choice.mask >> e & 1) == 0) continue;
    int place = next[e] + __popc(votes[warp][e] & ((1U << lane) - 1));
    for (int w = 0; w < warp; ++w) place += __popc(votes[w][e]);
    routes.place_rows[place] = row;
    routes.place_weights[place] = expf(to_float(values[e]) - choice.top) / choice.total;
    routes.row_places[static_cast<std::int64_t>(row) * routes.top_k + slot++] = place;
  }
}

/// A thread copies eight columns of one place.
template <class T>
__global__ void __launch_bounds__(kThreads) gather_kernel(const int* place_rows,
                                                          T* dst,
                                                          std::int64_t dst_stride,
                                                          const T* src,
                                                          std::int64_t src_stride,
                                                          unsigned columns,
                                                          unsigned per_row,
                                                          unsigned total,
                                                          bool wide) {
  const unsigned group = blockIdx.x * kThreads + threadIdx.x;
  if (group >= total) return;
  const std::int64_t place = group / per_row;
  const unsigned column = group % per_row * kVector;
  const T* const from = src + place_rows[place] * src_stride + column;
  T* const to = dst + place * dst_stride + column;
  if (wide) {
    const RawVector<T> raw = load_raw(from);
#pragma unroll
    for (std::size_t i = 0; i < sizeof raw / sizeof(uint4); ++i)
      reinterpret_cast<uint4*>(to)[i] = raw.words[i];
  } else {
    for (unsigned e = 0; e < kVector && column + e < columns; ++e) to[e] = from[e];
  }
}

/// A thread adds to eight columns of one row.
template <class X, class Y>
__global__ void __launch_bounds__(kThreads) scatter_kernel(const int* row_places,
                                                           const float* place_weights,
                                                           int top_k,
                                                           X* x,
                                                           std::int64_t x_stride,
                                                           const Y* y,
                                                           std::int64_t y_stride,
                                                           int columns,
                                                           unsigned per_row,
                                                           unsigned total,
                                                           bool wide) {
  const unsigned group = blockIdx.x * kThreads + threadIdx.x;
  if (group >= total) return;
  const std::int64_t row = group / per_row;
  const int column = static_cast<int>(group % per_row) * kVector;
  X* const to = x + row * x_stride + column;
  float sum[kVector], add[kVector];
  if (wide) {
    load_vector(to, sum);
  } else {
    load_some(to, columns - column, sum);
  }
#pragma unroll
  for (int k = 0; k < kMaxTopK; ++k) {
    if (k >= top_k) break;
    const int place = row_places[row * top_k + k];
    const float weight = place_weights[place];
    const Y* const from = y + place * y_stride + column;
    if (wide) {
      load_vector(from, add);
    } else {
      load_some(from, columns - column, add);
    }
#pragma unroll
    for (int e = 0; e < kVector; ++e) sum[e] = fmaf(weight, add[e], sum[e]);
  }
  if (wide) return store_vector(to, sum);
  store_some(to, columns - column, sum);
}

void check(const ExpertRoutes& r) {
  SINTER_CHECK(r.experts >= 1 && r.experts <= kMaxExperts && r.top_k >= 1 && r.top_k <= kMaxTopK &&
                   r.top_k <= r.experts && r.rows >= 0 && r.rows < std::int64_t{1} << 24,
               ErrorCode::invalid_argument,
               "[experts] expected 1..",
               kMaxExperts,
               " experts, of which a row chooses 1..",
               kMaxTopK,
               ", got ",
               r.rows,
               " rows that choose ",
               r.top_k,
               " of ",
               r.experts);
  SINTER_CHECK(r.place_rows != nullptr && r.place_weights != nullptr && r.row_places != nullptr,
               ErrorCode::invalid_argument,
               "[experts] expected memory for every part of the routes");
}

}  // namespace

std::int64_t ExpertRoutes::scratch_ints(std::int64_t rows) {
  return std::int64_t{blocks_for(rows, kRouted)} * kMaxExperts;
}

void route_experts(const ExpertRoutes& routes, const Rows& logits, cudaStream_t stream) {
  check(routes);
  SINTER_CHECK(routes.counts != nullptr && routes.offsets != nullptr && routes.scratch != nullptr,
               ErrorCode::invalid_argument,
               "[experts] expected memory for counts, offsets and scratch");
  check_rows("route_experts", "logits", logits, routes.rows, routes.experts);
  if (routes.rows == 0) return;
  with_element(logits.dtype, "route_experts", [&](auto element) {
    using T = decltype(element);
    const int blocks = blocks_for(routes.rows, kRouted);
    const T* const data = static_cast<const T*>(logits.data);
    count_kernel<T><<<blocks, kRouted, 0, stream>>>(data,
                                                    logits.row_stride,
                                                    static_cast<int>(routes.rows),
                                                    routes.experts,
                                                    routes.top_k,
                                                    routes.scratch);
    sinter::cuda::check_launch("route_experts");
    place_kernel<T><<<blocks, kRouted, 0, stream>>>(routes, data, logits.row_stride);
    sinter::cuda::check_launch("route_experts");
  });
}

void gather_rows(const ExpertRoutes& routes,
                 const Rows& dst,
                 const Rows& src,
                 cudaStream_t stream) {
  check(routes);
  check_rows("gather_rows", "src", src, routes.rows, src.columns);
  check_rows("gather_rows", "dst", dst, routes.rows * routes.top_k, src.columns);
  SINTER_CHECK(dst.dtype == src.dtype,
               ErrorCode::invalid_argument,
               "[gather_rows] dst: expected ",
               to_string(src.dtype),
               " as in src, got ",
               to_string(dst.dtype));
  if (dst.rows == 0) return;
  const auto columns = static_cast<unsigned>(dst.columns), per_row = (columns + 7) / kVector;
  const auto total = static_cast<unsigned>(dst.rows) * per_row;
  with_element(dst.dtype, "gather_rows", [&](auto element) {
    using T = decltype(element);
    gather_kernel<T><<<blocks_for(total, kThreads), kThreads, 0, stream>>>(
        routes.place_rows,
        static_cast<T*>(dst.data),
        dst.row_stride,
        static_cast<const T*>(src.data),
        src.row_stride,
        columns,
        per_row,
        total,
        columns % kVector == 0 && aligned(dst) && aligned(src));
    sinter::cuda::check_launch("gather_rows");
  });
}

void scatter_add_rows(const ExpertRoutes& routes,
                      const Rows& x,
                      const Rows& y,
                      cudaStream_t stream) {
  check(routes);
  check_rows("scatter_add_rows", "x", x, routes.rows, x.columns);
  check_rows("scatter_add_rows", "y", y, routes.rows * routes.top_k, x.columns);
  if (x.rows == 0) return;
  const auto per_row = (static_cast<unsigned>(x.columns) + 7) / kVector;
  const auto total = static_cast<unsigned>(x.rows) * per_row;
  with_element(x.dtype, "scatter_add_rows", [&](auto a) {
    with_element(y.dtype, "scatter_add_rows", [&](auto b) {
      using X = decltype(a);
      using Y = decltype(b);
      scatter_kernel<X, Y><<<blocks_for(total, kThreads), kThreads, 0, stream>>>(
          routes.row_places,
          routes.place_weights,
          routes.top_k,
          static_cast<X*>(x.data),
          x.row_stride,
          static_cast<const Y*>(y.data),
          y.row_stride,
          static_cast<int>(x.columns),
          per_row,
          total,
          x.columns % kVector == 0 && aligned(x) && aligned(y));
      sinter::cuda::check_launch("scatter_add_rows");
    });
  });
}

}  // namespace sinter::ops::cuda
