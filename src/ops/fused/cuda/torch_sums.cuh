#pragma once
// Statistics of rows with the bits that PyTorch's CUDA kernels (2.11) give: every addition in the
// order and with the contraction that they have. torch_order.h says which order a shape takes.
//
// Sums of two are commutative, so a butterfly gives each lane what PyTorch's shuffle-down gives
// lane 0; merges of moments are not, and are taken downwards.
//
// Sources: ATen/native/cuda/Reduce.cuh, layer_norm_kernel.cu, block_reduce.cuh and
// ATen/native/SharedReduceOps.h (WelfordOps); the merge is Chan, Golub and LeVeque's, 1979.

#include "ops/cuda/row_sum.cuh"
#include "ops/fused/cuda/torch_order.h"

namespace sinter::fused::cuda {

inline constexpr int kTorchNormThreads = 128;  ///< of layer_norm with vectors
inline constexpr int kTorchRowThreads = 512;   ///< of its other kernel, and at most of torch.mean

// --- torch.mean(x * x): the first half of an RMS norm that is written out ---

/// sum + x^2, the square rounded as an operator of its own rounds it.
__device__ __forceinline__ float add_square(float sum, float x) {
  return __fadd_rn(sum, __fmul_rn(x, x));
}

/// Of a thread's four accumulators.
__device__ __forceinline__ float sum_in_turn(const float (&x)[4]) {
  return __fadd_rn(__fadd_rn(__fadd_rn(x[0], x[1]), x[2]), x[3]);
}

/// Where is_warp_order() holds and lane l has added the elements 4 l + i, 4 (l + 32) + i, ... to
/// squares[i]: rsqrt(mean + eps), the same for each lane. Lanes of narrower rows (columns < 128, a
/// power of two of at least 32, element l + 32 i in squares[i]) end the same way.
__device__ __forceinline__ float warp_inverse_rms(const float (&squares)[4],
                                                  float factor,
                                                  float eps) {
  const float sum = ops::cuda::lanes_sum<ops::cuda::kWarp>(sum_in_turn(squares));
  return rsqrtf(__fadd_rn(__fmul_rn(sum, factor), eps));
}

/// Any order of one block. All threads of a block of kTorchRowThreads take part; x(column) is an
/// element of the row, which begins `shift` elements behind a multiple of four. The same for each
/// thread.
template <class Element>
__device__ float block_inverse_rms(
    const MeanOrder& order, std::int64_t columns, int shift, float eps, Element x) {
  __shared__ float shared[kTorchRowThreads];
  const int thread = static_cast<int>(threadIdx.x), threads = order.width * order.height;
  const int lane = thread % order.width;
  const bool first_lanes = thread < order.width;
  float sum[4] = {};
  if (thread < threads && order.vectors) {
    std::int64_t begin = 0, end = columns;
    if (shift > 0) {  // up to the first vector, one element a lane
      if (first_lanes && lane >= shift && lane < 4) sum[0] = add_square(sum[0], x(lane - shift));
      begin = 4 - shift;
      end = columns - begin;
    }
    for (std::int64_t v = thread; v * 4 + 3 < end; v += threads) {
#pragma unroll
      for (int i = 0; i < 4; ++i) sum[i] = add_square(sum[i], x(begin + v * 4 + i));
    }
    const std::int64_t tail = end - end % 4 + lane;
    if (first_lanes && tail < end) sum[0] = add_square(sum[0], x(begin + tail));
  } else if (thread < threads) {
    for (std::int64_t v = thread; v < columns; v += 4 * static_cast<std::int64_t>(threads)) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const std::int64_t column = v + i * static_cast<std::int64_t>(threads);
        if (column < columns) sum[i] = add_square(sum[i], x(column));
      }
    }
  }
  // Along the width, then along the height: with threads in this order one tree after another.
  float value = sum_in_turn(sum);
  shared[thread] = value;
  const auto fold = [&](bool mine, int distance) {
    __syncthreads();
    if (mine) shared[thread] = value = __fadd_rn(value, shared[thread + distance]);
  };
  for (int half = order.width / 2; half > 0; half /= 2) fold(thread < threads && lane < half, half);
  for (int half = order.height / 2; half > 0; half /= 2)
    fold(thread < half * order.width, half * order.width);
  __syncthreads();
  const float total = shared[0];
  __syncthreads();
  return rsqrtf(__fadd_rn(__fmul_rn(total, order.factor), eps));
}

// --- layer_norm and rms_norm ---

struct Moments {
  float mean = 0.0F;
  float squares = 0.0F;  ///< sum of (x - mean)^2; of x^2 for rms_norm
};

/// One more element; `inverse` is 1 / their number with it, rounded.
__device__ __forceinline__ void add_element(Moments& m, float x, float inverse) {
  const float delta = __fsub_rn(x, m.mean);
  m.mean = __fmaf_rn(delta, inverse, m.mean);
  m.squares = __fmaf_rn(delta, __fsub_rn(x, m.mean), m.squares);
}

/// Of `count` and `other_count` elements; `mine` is of the lower thread.
__device__ __forceinline__ Moments merged(const Moments& mine,
                                          float count,
                                          const Moments& other,
                                          float other_count) {
  const float both = __fadd_rn(other_count, count);
  if (!(both > 0.0F)) return {};
  const float inverse = __frcp_rn(both), delta = __fsub_rn(mine.mean, other.mean);
  const float share = __fmul_rn(count, inverse), other_share = __fmul_rn(other_count, inverse);
  return {__fmaf_rn(other_share, other.mean, __fmul_rn(share, mine.mean)),
          __fmaf_rn(__fmul_rn(__fmul_rn(delta, delta), other_count),
                    share,
                    __fadd_rn(other.squares, mine.squares))};
}

/// Two of `count` elements each: `share` is count / (2 count) as merged() rounds it, which doubling
/// the count does not change.
__device__ __forceinline__ Moments merged_equal(const Moments& mine,
                                                const Moments& other,
                                                float count,
                                                float share) {
  const float delta = __fsub_rn(mine.mean, other.mean);
  return {__fmaf_rn(share, other.mean, __fmul_rn(share, mine.mean)),
          __fmaf_rn(__fmul_rn(__fmul_rn(delta, delta), count),
                    share,
                    __fadd_rn(other.squares, mine.squares))};
}

__device__ __forceinline__ Moments from_lane_above(const Moments& m, int distance) {
  return {__shfl_down_sync(~0U, m.mean, distance), __shfl_down_sync(~0U, m.squares, distance)};
}

struct RowStatistics {
  float mean, inverse;  ///< of the deviation; with rms_norm mean is 0
};

/// NormOrder::vectors for a block of at least kTorchNormThreads threads, all of which take part.
/// The same for each thread.
template <class Element>
__device__ RowStatistics block_statistics(std::int64_t columns, bool rms, float eps, Element x) {
  constexpr int kWarps = kTorchNormThreads / ops::cuda::kWarp;
  __shared__ float shared[3 * kWarps];
  const int thread = static_cast<int>(threadIdx.x);
  Moments m;
  float count = 0.0F;
  if (thread < kTorchNormThreads) {
    for (std::int64_t v = thread; v * 4 < columns; v += kTorchNormThreads) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float value = x(v * 4 + i);
        count += 1.0F;
        if (rms) {
          m.squares = __fmaf_rn(value, value, m.squares);
        } else {
          add_element(m, value, __frcp_rn(count));
        }
      }
    }
    const auto fold = [&](const Moments& other, float other_count) {
      if (rms) {
        m.squares = __fadd_rn(m.squares, other.squares);
      } else {
        m = merged(m, count, other, other_count);
        count += other_count;
      }
    };
    for (int distance = ops::cuda::kWarp / 2; distance > 0; distance /= 2)
      fold(from_lane_above(m, distance), __shfl_down_sync(~0U, count, distance));
  }
  if (thread < kTorchNormThreads && thread % ops::cuda::kWarp == 0) {
    const int warp = thread / ops::cuda::kWarp;
    shared[3 * warp] = m.mean;
    shared[3 * warp + 1] = m.squares;
    shared[3 * warp + 2] = count;
  }
  __syncthreads();
  Moments part[kWarps];
  float counts[kWarps];
#pragma unroll
  for (int w = 0; w < kWarps; ++w) {
    part[w] = {shared[3 * w], shared[3 * w + 1]};
    counts[w] = shared[3 * w + 2];
  }
  __syncthreads();
#pragma unroll
  for (int half = kWarps / 2; half > 0; half /= 2) {
#pragma unroll
    for (int w = 0; w < half; ++w) {
      if (rms) {
        part[w].squares = __fadd_rn(part[w].squares, part[w + half].squares);
      } else {
        part[w] = merged(part[w], counts[w], part[w + half], counts[w + half]);
        counts[w] += counts[w + half];
      }
    }
  }
  return {part[0].mean,
          rsqrtf(__fadd_rn(__fdiv_rn(part[0].squares, static_cast<float>(columns)), eps))};
}

/// NormOrder::single for a block of kTorchRowThreads threads, all of which take part. The same for
/// each thread.
template <class Element>
__device__ RowStatistics
block_statistics_single(std::int64_t columns, bool rms, float eps, Element x) {
  constexpr int kLanes = ops::cuda::kWarp, kWarps = kTorchRowThreads / kLanes;
  __shared__ float shared[3 * kLanes];
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kLanes;
  Moments m;
  float count = 0.0F;
  for (std::int64_t column = thread; column < columns; column += kTorchRowThreads) {
    const float value = x(column);
    count += 1.0F;
    const float delta = __fsub_rn(value, m.mean);
    m.mean = __fadd_rn(m.mean, __fdiv_rn(delta, count));
    m.squares = __fmaf_rn(delta, __fsub_rn(value, m.mean), m.squares);
  }
  const auto fold_warp = [&] {
    for (int distance = kLanes / 2; distance > 0; distance /= 2) {
      const Moments other = from_lane_above(m, distance);
      const float other_count = __shfl_down_sync(~0U, count, distance);
      if (other_count == 0.0F) continue;
      if (count == 0.0F) {
        m = other;
        count = other_count;
        continue;
      }
      const float delta = __fsub_rn(other.mean, m.mean), both = __fadd_rn(count, other_count);
      const float share = __fdiv_rn(other_count, both);
      m = {__fmaf_rn(delta, share, m.mean),
           __fmaf_rn(__fmul_rn(__fmul_rn(delta, delta), count),
                     share,
                     __fadd_rn(m.squares, other.squares))};
      count = both;
    }
  };
  fold_warp();
  if (thread < kLanes)
    shared[thread] = shared[kLanes + thread] = shared[2 * kLanes + thread] = 0.0F;
  __syncthreads();
  if (lane == 0) {
    shared[thread / kLanes] = m.mean;
    shared[kLanes + thread / kLanes] = m.squares;
    shared[2 * kLanes + thread / kLanes] = count;
  }
  __syncthreads();
  // Every warp for itself, so that each thread has the result.
  m = {shared[lane], shared[kLanes + lane]};
  count = shared[2 * kLanes + lane];
  __syncthreads();
  static_assert(kWarps <= kLanes);
  fold_warp();
  const float mean = __shfl_sync(~0U, m.mean, 0);
  const float variance = __fdiv_rn(__shfl_sync(~0U, m.squares, 0), __shfl_sync(~0U, count, 0));
  if (rms) return {0.0F, rsqrtf(__fadd_rn(__fmaf_rn(mean, mean, variance), eps))};
  return {mean, rsqrtf(__fadd_rn(variance, eps))};
}

}  // namespace sinter::fused::cuda
