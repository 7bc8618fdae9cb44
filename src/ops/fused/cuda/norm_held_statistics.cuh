#pragma once
// Statistics of rows that threads hold in registers, a warp a row or a block of four.
//
// A thread holds vectors of four elements, as PyTorch's layer_norm hands them out, so that exact
// statistics need no other layout than fast ones. Which of its 128 threads a thread stands for is
// chosen so that the first merges are between what one thread holds: lane l of a warp stands for
// the threads l % 8 + {0, 8, 16, 24} of warp l / 8, and the merges over lanes 16, 8 of 32 become
// merges in registers. torch.mean's accumulators want consecutive vectors on consecutive lanes.

#include "ops/fused/cuda/norm_fours.cuh"

namespace sinter::fused::cuda {

namespace {

using ops::cuda::kWarp;

constexpr int kHeldThreads = 128;

enum class Order { vectors, mean };

/// What a thread holds of a row that `Warps` warps share, four columns a slot.
template <Order O, int Warps>
struct Layout {
  static constexpr int kChains =
      O == Order::mean && Warps == 1 ? 1 : 4 / Warps;  // PyTorch's threads
  static constexpr int kRowThreads = kWarp * Warps;
  static constexpr int kLanes = kWarp / kChains;  // that stand for one of its warps

  /// The vector in the thread's first slot, and how far from there is that of another.
  static __device__ __forceinline__ int first(int thread) {
    return kChains == 1 ? thread : thread / kLanes * kWarp + thread % kLanes;
  }
  static __device__ __forceinline__ constexpr int step(int slot) {
    return slot % kChains * kLanes + slot / kChains * (kRowThreads * kChains);
  }
};

/// Of Statistics::vectors, from what each chain of a thread has gathered. Fold(mine, other, level)
/// merges two after `level` merges before.
template <int Warps, class Element, class Fold, class FromAbove, class Shared>
__device__ __forceinline__ Element
fold_row(Element (&chains)[4 / Warps], Fold fold, FromAbove from_above, Shared shared) {
  constexpr int kChains = 4 / Warps, kLanes = kWarp / kChains;
  int level = 0;
#pragma unroll
  for (int half = kChains / 2; half > 0; half /= 2, ++level) {
#pragma unroll
    for (int c = 0; c < half; ++c) chains[c] = fold(chains[c], chains[c + half], level);
  }
  Element all = chains[0];
#pragma unroll
  for (int distance = kLanes / 2; distance > 0; distance /= 2)
    all = fold(all, from_above(all, distance), level++);
  // Now every kLanes-th lane has what one of PyTorch's warps has.
  if constexpr (Warps == 1) {
    all = fold(all, from_above(all, 2 * kLanes), level++);
    return fold(all, from_above(all, kLanes), level);
  } else {
    const auto part = shared(all);
    const Element even = fold(part[0], part[2], level), odd = fold(part[1], part[3], level);
    return fold(even, odd, level + 1);
  }
}

/// What lane 0 of each of four warps has, for every thread.
struct FourMoments {
  Moments part[4];
  float count[4];
  __device__ __forceinline__ const Moments& operator[](int i) const { return part[i]; }
};
__device__ __forceinline__ FourMoments shared_moments(const Moments& m, float count) {
  __shared__ float shared[3][4];
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  if (threadIdx.x % kWarp == 0) {
    shared[0][warp] = m.mean;
    shared[1][warp] = m.squares;
    shared[2][warp] = count;
  }
  __syncthreads();
  FourMoments all;
#pragma unroll
  for (int w = 0; w < 4; ++w) {
    all.part[w] = {shared[0][w], shared[1][w]};
    all.count[w] = shared[2][w];
  }
  return all;
}

struct CountedMoments {
  Moments m;
  float count;
};

template <int Warps, bool Full, class Task>
__device__ __forceinline__ RowStatistics merged_statistics(const Task& o,
                                                           int first,
                                                           Moments (&m)[4 / Warps]) {
  constexpr int kChains = 4 / Warps;
  using Held = Layout<Order::vectors, Warps>;
  const auto finish = [&](Moments row) -> RowStatistics {
    if constexpr (Warps == 1)
      row = {__shfl_sync(~0U, row.mean, 0), __shfl_sync(~0U, row.squares, 0)};
    return {row.mean,
            rsqrtf(__fadd_rn(__fdiv_rn(row.squares, static_cast<float>(o.columns)), o.eps))};
  };
  if (o.rms) {
    return finish(fold_row<Warps>(
        m,
        [](const Moments& a, const Moments& b, int) {
          return Moments{0.0F, __fadd_rn(a.squares, b.squares)};
        },
        [](const Moments& a, int distance) {
          return Moments{0.0F, __shfl_down_sync(~0U, a.squares, distance)};
        },
        [](const Moments& a) { return shared_moments(a, 0.0F); }));
  }
  if (Full || o.equal) {
    return finish(fold_row<Warps>(
        m,
        [&](const Moments& a, const Moments& b, int level) {
          return merged_equal(a, b, o.count * static_cast<float>(1 << level), o.share);
        },
        [](const Moments& a, int distance) { return from_lane_above(a, distance); },
        [](const Moments& a) { return shared_moments(a, 0.0F); }));
  }
  CountedMoments counted[kChains];
#pragma unroll
  for (int c = 0; c < kChains; ++c) {
    const int vector = first + Held::step(c), turns = o.vectors - vector + kTorchNormThreads - 1;
    counted[c] = {
        m[c], vector < o.vectors ? static_cast<float>(turns / kTorchNormThreads * kFour) : 0.0F};
  }
  struct FourCounted {
    FourMoments four;
    __device__ CountedMoments operator[](int i) const { return {four.part[i], four.count[i]}; }
  };
  return finish(
      fold_row<Warps>(
          counted,
          [](const CountedMoments& a, const CountedMoments& b, int) {
            return CountedMoments{merged(a.m, a.count, b.m, b.count), a.count + b.count};
          },
          [](const CountedMoments& a, int distance) {
            return CountedMoments{from_lane_above(a.m, distance),
                                  __shfl_down_sync(~0U, a.count, distance)};
          },
          [](const CountedMoments& a) { return FourCounted{shared_moments(a.m, a.count)}; })
          .m);
}

template <int Warps, bool Full, class T, class Task, int Slots>
__device__ __forceinline__ RowStatistics vector_statistics(const Task& o,
                                                           int first,
                                                           const Four<T> (&held)[Slots]) {
  using Held = Layout<Order::vectors, Warps>;
  Moments m[Held::kChains];
  float value[kFour];
  const auto each = [&](auto add) {
#pragma unroll
    for (int j = 0; j < Slots; ++j) {
      if (!Full && first + Held::step(j) >= o.vectors) continue;
      unpack<T>(held[j], value);
#pragma unroll
      for (int e = 0; e < kFour; ++e)
        add(m[j % Held::kChains], value[e], j / Held::kChains * kFour + e);
    }
  };
  if (o.rms) {
    each([](Moments& mine, float x, int) { mine.squares = __fmaf_rn(x, x, mine.squares); });
  } else {
    each([](Moments& mine, float x, int before) {
      add_element(mine, x, 1.0F / static_cast<float>(before + 1));
    });
  }
  return merged_statistics<Warps, Full>(o, first, m);
}

/// PyTorch's accumulators of torch.mean are the columns modulo 128. A warp holds them as they are;
/// four pass the row through shared memory, one accumulator a thread.
template <int Warps, bool Full, class T, class Task, int Slots>
__device__ __forceinline__ RowStatistics mean_statistics(const Task& o,
                                                         int first,
                                                         const Four<T> (&held)[Slots]) {
  using Held = Layout<Order::mean, Warps>;
  float squares[kFour] = {};
  if constexpr (Warps == 1) {
    float value[kFour];
#pragma unroll
    for (int j = 0; j < Slots; ++j) {
      if (!Full && first + Held::step(j) >= o.vectors) continue;
      unpack<T>(held[j], value);
#pragma unroll
      for (int e = 0; e < kFour; ++e) squares[e] = add_square(squares[e], value[e]);
    }
  } else {
    constexpr int kAccumulators = 128;
    __shared__ Four<T> row[Slots * kHeldThreads];
    __shared__ float4 sums[kAccumulators / kFour];
#pragma unroll
    for (int j = 0; j < Slots; ++j)
      if (Full || first + Held::step(j) < o.vectors) row[first + Held::step(j)] = held[j];
    __syncthreads();
    const T* const elements = reinterpret_cast<const T*>(row) + threadIdx.x;
    const int left = o.columns - static_cast<int>(threadIdx.x);
    float sum = 0.0F;
#pragma unroll
    for (int k = 0; k < Slots * kFour; ++k)
      if (Full || k * kAccumulators < left)
        sum = add_square(sum, ops::cuda::to_float(elements[k * kAccumulators]));
    reinterpret_cast<float*>(sums)[threadIdx.x] = sum;
    __syncthreads();
    const float4 mine = sums[threadIdx.x % kWarp];
    squares[0] = mine.x, squares[1] = mine.y, squares[2] = mine.z, squares[3] = mine.w;
  }
  return {0.0F, warp_inverse_rms(squares, o.mean_factor, o.eps)};
}

}  // namespace

}  // namespace sinter::fused::cuda
