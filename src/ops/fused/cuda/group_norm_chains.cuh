#pragma once
// PyTorch's chains of updates, of small groups in one block and of large ones over four.

#include "ops/fused/cuda/bulk_copy.cuh"
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
    float2 inverse[kUnroll];
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) inverse[i] = reciprocals[step + i];
    update_all(w, value, inverse, step);
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
constexpr int kChainThreads = 2 * kQuarter;  // one half follows chains, the other brings their rows

template <class T>
constexpr int kStageRows = kStageBytes / (kQuarter * static_cast<int>(sizeof(T)));

template <class T>
struct ChainsShared {
  alignas(128) T x[kStages][kStageRows<T>][kQuarter];
  alignas(16) float2 reciprocals[kStages][kStageRows<T>];
  Barrier full[kStages], empty[kStages];
};

/// Where a block is in its ring of stages.
struct StageWalk {
  int stage = 0, round = 0;
  __device__ __forceinline__ void advance() {
    if (++stage == kStages) stage = 0, ++round;
  }
};

/// Rows of kQuarter elements, kChains apart, into the stages; thread `thread` of kQuarter.
template <class T, bool Wide>
__device__ __forceinline__ void bring_rows(ChainsShared<T>& s,
                                           const T* x,
                                           std::int64_t rows,
                                           int thread) {
  constexpr int kRows = kStageRows<T>;
  static_assert(kRows <= kQuarter);
  StageWalk at;
  for (std::int64_t row = 0; row < rows; row += kRows, at.advance()) {
    if (at.round > 0) s.empty[at.stage].wait((at.round - 1) & 1);
    const int here = static_cast<int>(min(rows - row, std::int64_t{kRows}));
    if (thread < kRows)
      s.reciprocals[at.stage][thread] =
          reciprocal_pair(static_cast<int>(min(row + thread + 1, std::int64_t{kMostShortCount})));
    if constexpr (Wide) {
      constexpr int kBytes = kQuarter * static_cast<int>(sizeof(T));
      if (thread < here) {
        s.full[at.stage].arrive_expecting(kBytes);
        copy_bytes(s.x[at.stage][thread], x + (row + thread) * kChains, kBytes, s.full[at.stage]);
      } else {
        s.full[at.stage].arrive();
      }
    } else {
#pragma unroll 16
      for (int r = 0; r < here; ++r) s.x[at.stage][r][thread] = x[(row + r) * kChains + thread];
      s.full[at.stage].arrive();
    }
  }
}

/// kUnroll rows of one chain, in registers before the chain comes to them.
struct Batch {
  float x[kUnroll];
  float2 reciprocals[kUnroll];

  template <class T>
  __device__ __forceinline__ void load(const ChainsShared<T>& s, int stage, int row, int thread) {
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) {
      x[i] = to_float(s.x[stage][row + i][thread]);
    }
    const auto* const pairs = reinterpret_cast<const float4*>(&s.reciprocals[stage][row]);
#pragma unroll
    for (int i = 0; i < kUnroll; i += 2) {
      const float4 pair = pairs[i / 2];
      reciprocals[i] = {pair.x, pair.y};
      reciprocals[i + 1] = {pair.z, pair.w};
    }
  }
};

template <class T>
__device__ __forceinline__ Welford follow_chain(ChainsShared<T>& s, std::int64_t rows, int thread) {
  constexpr int kRows = kStageRows<T>;
  static_assert(kRows % kUnroll == 0);
  Welford w;
  StageWalk at;
  Batch now, next;
  int r = 0;
  s.full[0].wait(0);
  next.load(s, 0, 0, thread);
  const std::int64_t batches = rows / kUnroll;
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    now = next;
    r += kUnroll;
    if (r == kRows) {
      __syncwarp();
      if (thread % kWarp == 0) s.empty[at.stage].arrive();
      at.advance();
      r = 0;
      if ((batch + 1) * kUnroll < rows) s.full[at.stage].wait(at.round & 1);
    }
    next.load(s, at.stage, r, thread);  // behind the last batch, nothing that is used
    update_all(w, now.x, now.reciprocals, batch * kUnroll);
  }
  for (std::int64_t row = batches * kUnroll; row < rows; ++row, ++r)
    update(w, to_float(s.x[at.stage][r][thread]), static_cast<float>(row + 1));
  return w;
}

/// Block 4 g + q leaves the results of chains [128 q, 128 q + 128) of group g, merged by warps. At
/// least kChains elements a group.
template <class T, bool Wide>
__global__ void __launch_bounds__(kChainThreads)
    chains_kernel(const GroupNormArgs<T> p, Welford* partial) {
  extern __shared__ __align__(128) std::uint8_t memory[];
  auto& s = *reinterpret_cast<ChainsShared<T>*>(memory);
  const std::int64_t group = blockIdx.x / 4, rows = p.elements / kChains;
  const int quarter = static_cast<int>(blockIdx.x) % 4 * kQuarter;
  const int thread = static_cast<int>(threadIdx.x);
  const T* const x = p.x + group * p.elements + quarter;
  if (thread == 0) {
    for (int i = 0; i < kStages; ++i) {
      s.full[i].init(kQuarter);
      s.empty[i].init(kQuarter / kWarp);
    }
    ops::cuda::fence_barrier_init();
  }
  __syncthreads();
  if (thread >= kQuarter) return bring_rows<T, Wide>(s, x, rows, thread - kQuarter);
  Welford w = follow_chain(s, rows, thread);
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
