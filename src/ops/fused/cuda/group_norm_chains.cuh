#pragma once
// PyTorch's chains of updates, of small groups in one block and of large ones over four.

#include "ops/fused/cuda/group_norm_passes.cuh"

namespace sinter::fused::cuda {

namespace {

// --- a group a block, which also applies the norm

constexpr int kMostBlockSteps = 128;

template <class T>
__device__ __forceinline__ void load_chain(
    const T* x, int step, int steps, int threads, float (&value)[kUnroll]) {
#pragma unroll
  for (int i = 0; i < kUnroll; ++i)
    value[i] = step + kUnroll <= steps ? to_float(x[(step + i) * threads]) : 0.0F;
}

/// Of the whole block; in thread 0.
__device__ __forceinline__ Welford combine_block(Welford w) {
  __shared__ Welford of_warps[kChainWarps];
  w = combine_lanes(w);
  if (blockDim.x == kWarp) return w;
  const int warp = static_cast<int>(threadIdx.x) / kWarp,
            lane = static_cast<int>(threadIdx.x) % kWarp;
  if (lane == 0) of_warps[warp] = w;
  __syncthreads();
  if (warp > 0) return w;
  return combine_lanes(lane < kChainWarps ? of_warps[lane] : Welford{});
}

template <class T, bool Wide>
__global__ void __launch_bounds__(kChains) exact_block_kernel(const GroupNormArgs<T> p) {
  __shared__ float2 reciprocals[kMostBlockSteps];
  __shared__ Statistics shared_stats;
  const int threads = static_cast<int>(blockDim.x), thread = static_cast<int>(threadIdx.x);
  const int elements = static_cast<int>(p.elements), steps = elements / threads;
  const T* const x = p.x + blockIdx.x * p.elements + thread;
  for (int i = thread; i < steps; i += threads) reciprocals[i] = reciprocal_pair(i + 1);
  float value[kUnroll], next[kUnroll];
  load_chain(x, 0, steps, threads, value);
  __syncthreads();

  Welford w;
  int step = 0;
  for (; step + kUnroll <= steps; step += kUnroll) {
    load_chain(x, step + kUnroll, steps, threads, next);
    update_all(w, value, reciprocals + step, step);
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) value[i] = next[i];
  }
  for (; step * threads + thread < elements; ++step)
    update(w, to_float(x[step * threads]), static_cast<float>(step + 1));
  w.count = static_cast<float>(step);
  w = combine_block(w);
  if (thread == 0) shared_stats = statistics<T>(w, p.eps);
  __syncthreads();

  const Statistics stats = shared_stats;
  const Range range(blockIdx.x, {1, p.elements}, p.elements);
  const std::int64_t first_channel = range.group % p.groups * p.group_channels;
  const auto channel = [&](std::int64_t c) { return ExactChannel<T>(p, stats, first_channel + c); };
  if (threads == kWarp) {
    apply_range<Wide, kWarp>(p, range, channel);
  } else {
    apply_range<Wide, kChains>(p, range, channel);
  }
}

// --- statistics alone, a quarter of a group's chains a block

constexpr int kQuarter = kChains / 4, kStages = 6, kStageBytes = 16384;

template <class T>
constexpr int kStageRows = kStageBytes / (kQuarter * static_cast<int>(sizeof(T)));

template <class T>
struct ChainsShared {
  T x[kStages][kStageRows<T>][kQuarter];
  float2 reciprocals[2][kStageRows<T>];
};

/// 16 bytes, asynchronously.
__device__ __forceinline__ void copy_async(void* to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(
                   static_cast<std::uint32_t>(__cvta_generic_to_shared(to))),
               "l"(from)
               : "memory");
}

/// Rows [row, row + kStageRows) of chains, up to `rows`, into a stage; commits one group of copies.
template <class T, bool Wide>
__device__ __forceinline__ void load_stage(T (&stage)[kStageRows<T>][kQuarter],
                                           const T* x,
                                           std::int64_t row,
                                           std::int64_t rows) {
  constexpr int kWidth = Wide ? 16 / static_cast<int>(sizeof(T)) : 1, kAcross = kQuarter / kWidth;
  constexpr int kRowsAtOnce = kQuarter / kAcross;
  const int down = static_cast<int>(threadIdx.x) / kAcross;
  const int across = static_cast<int>(threadIdx.x) % kAcross * kWidth;
#pragma unroll 4
  for (int r = down; r < kStageRows<T>; r += kRowsAtOnce) {
    if (row + r >= rows) break;
    const T* const from = x + (row + r) * kChains + across;
    if constexpr (Wide) {
      copy_async(&stage[r][across], from);
    } else {
      stage[r][across] = *from;
    }
  }
  if constexpr (Wide) asm volatile("cp.async.commit_group;" ::: "memory");
}

/// Block 4 g + q leaves the results of chains [128 q, 128 q + 128) of group g, merged by warps. At
/// least kChains elements a group.
template <class T, bool Wide>
__global__ void __launch_bounds__(kQuarter)
    chains_kernel(const GroupNormArgs<T> p, Welford* partial) {
  extern __shared__ __align__(128) std::uint8_t memory[];
  auto& s = *reinterpret_cast<ChainsShared<T>*>(memory);
  const std::int64_t group = blockIdx.x / 4, rows = p.elements / kChains;
  const int quarter = static_cast<int>(blockIdx.x) % 4 * kQuarter;
  const int thread = static_cast<int>(threadIdx.x);
  const T* const x = p.x + group * p.elements + quarter;
  constexpr int kRows = kStageRows<T>;

  for (int i = 0; i < kStages - 1; ++i)
    load_stage<T, Wide>(s.x[i], x, static_cast<std::int64_t>(i) * kRows, rows);
  Welford w;
  int stage = 0, parity = 0;
  for (std::int64_t row = 0; row < rows; row += kRows) {
    for (int i = thread; i < kRows; i += kQuarter)
      s.reciprocals[parity][i] =
          reciprocal_pair(static_cast<int>(min(row + i + 1, std::int64_t{kMostShortCount})));
    if constexpr (Wide) asm volatile("cp.async.wait_group %0;" ::"n"(kStages - 2) : "memory");
    // What this stage needs is there, and all have read the stage that is filled next.
    __syncthreads();
    load_stage<T, Wide>(s.x[stage == 0 ? kStages - 1 : stage - 1],
                        x,
                        row + static_cast<std::int64_t>(kStages - 1) * kRows,
                        rows);
    const int here = static_cast<int>(min(rows - row, std::int64_t{kRows}));
    int r = 0;
    for (; r + kUnroll <= here; r += kUnroll) {
      float value[kUnroll];
#pragma unroll
      for (int i = 0; i < kUnroll; ++i) value[i] = to_float(s.x[stage][r + i][thread]);
      update_all(w, value, s.reciprocals[parity] + r, row + r);
    }
    for (; r < here; ++r)
      update(w, to_float(s.x[stage][r][thread]), static_cast<float>(row + r + 1));
    stage = stage + 1 == kStages ? 0 : stage + 1;
    parity ^= 1;
  }
  w.count = static_cast<float>(rows);
  if (rows * kChains + quarter + thread < p.elements) {
    w.count = static_cast<float>(rows + 1);
    update(w, to_float(x[rows * kChains + thread]), w.count);
  }
  w = combine_lanes(w);
  if (thread % kWarp == 0) partial[group * kChainWarps + (quarter + thread) / kWarp] = w;
}

}  // namespace

}  // namespace sinter::fused::cuda
