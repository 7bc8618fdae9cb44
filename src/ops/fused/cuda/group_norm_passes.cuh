#pragma once
// Norms whose x is read twice: for its statistics, in parts, and to apply them.
//
// The second pass goes through x from its end, so that it finds in the cache what the first has
// read last. A part that lies in one channel, which is the rule where positions are many, has one
// pair of scale and shift.

#include "ops/fused/cuda/group_norm_exact.cuh"

namespace sinter::fused::cuda {

namespace {

constexpr int kPassThreads = 256;
constexpr int kInFlight = 4;  // vectors that a thread asks for before it needs one

/// A group's elements in `count` parts of `length`, the last may be short.
struct Parts {
  int count;
  std::int64_t length;
};

/// The part of a group that a block works on.
struct Range {
  std::int64_t group, begin, end;

  __device__ Range(std::int64_t block, const Parts& parts, std::int64_t elements)
      : group(block / parts.count),
        begin(block % parts.count * parts.length),
        end(min(begin + parts.length, elements)) {}
};

/// Sum over the block, in thread 0.
__device__ __forceinline__ ShiftedSums sum_over_block(ShiftedSums sums) {
  __shared__ float2 of_warps[kPassThreads / kWarp];
  const int warp = static_cast<int>(threadIdx.x) / kWarp,
            lane = static_cast<int>(threadIdx.x) % kWarp;
  sums.over_lanes();
  if (lane == 0) of_warps[warp] = {sums.sum, sums.squares};
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int i = 1; i < kPassThreads / kWarp; ++i) {
      sums.sum += of_warps[i].x;
      sums.squares += of_warps[i].y;
    }
  }
  return sums;
}

template <class T, bool Wide>
__global__ void __launch_bounds__(kPassThreads)
    moments_kernel(const GroupNormArgs<T> p, const Parts parts, PartMoments* partial) {
  constexpr int kWidth = Wide ? kVector : 1, kStep = kPassThreads * kWidth;
  const Range range(blockIdx.x, parts, p.elements);
  const T* const x = p.x + range.group * p.elements;
  const float pivot = to_float(x[range.begin]);
  ShiftedSums sums;
  for (std::int64_t first = range.begin + static_cast<int>(threadIdx.x) * kWidth; first < range.end;
       first += kInFlight * kStep) {
    if constexpr (Wide) {
      RawVector<T> raw[kInFlight];
#pragma unroll
      for (int i = 0; i < kInFlight; ++i)
        if (first + i * kStep < range.end) raw[i] = load_raw(x + first + i * kStep);
#pragma unroll
      for (int i = 0; i < kInFlight; ++i) {
        if (first + i * kStep >= range.end) continue;
        float value[kVector];
        unpack_vector(raw[i], value);
#pragma unroll
        for (const float v : value) sums.add(v, pivot);
      }
    } else {
      T raw[kInFlight];
#pragma unroll
      for (int i = 0; i < kInFlight; ++i)
        if (first + i * kStep < range.end) raw[i] = x[first + i * kStep];
#pragma unroll
      for (int i = 0; i < kInFlight; ++i)
        if (first + i * kStep < range.end) sums.add(to_float(raw[i]), pivot);
    }
  }
  sums = sum_over_block(sums);
  if (threadIdx.x == 0)
    partial[blockIdx.x] = sums.moments(pivot, static_cast<float>(range.end - range.begin));
}

/// The first warp merges what moments_kernel left; all threads get the result.
__device__ __forceinline__ Statistics merge_moments(const PartMoments* partial,
                                                    const Parts& parts,
                                                    std::int64_t elements,
                                                    float eps) {
  __shared__ Statistics result;
  if (threadIdx.x < kWarp) {
    Merger merger = Merger::around(partial[0].mean);
    for (int i = static_cast<int>(threadIdx.x); i < parts.count; i += kWarp) {
      const std::int64_t left = elements - i * parts.length;
      merger.add(partial[i], static_cast<float>(min(left, parts.length)));
    }
    merger.over_lanes();
    if (threadIdx.x == 0) result = merger.statistics(static_cast<float>(elements), eps);
  }
  __syncthreads();
  return result;
}

/// The same of the kChainWarps results of chains_kernel.
template <class T>
__device__ __forceinline__ Statistics merge_chains(const Welford* partial, float eps) {
  __shared__ Statistics result;
  if (threadIdx.x < kWarp) {
    const int lane = static_cast<int>(threadIdx.x);
    const Welford w = combine_lanes(lane < kChainWarps ? partial[lane] : Welford{});
    if (lane == 0) result = statistics<T>(w, eps);
  }
  __syncthreads();
  return result;
}

__device__ __forceinline__ std::int64_t quotient(std::int64_t a, std::int64_t b) {
  if ((a | b) >> 32 == 0) return static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b);
  return a / b;
}

/// y in [begin, end) of a group. `channel(c)` makes what finish() takes, of channel c of the group.
template <bool Wide, int Threads, class T, class Channel>
__device__ __forceinline__ void apply_range(const GroupNormArgs<T>& p,
                                            const Range& range,
                                            Channel channel_of) {
  constexpr int kWidth = Wide ? kVector : 1, kStep = Threads * kWidth;
  const T* const x = p.x + range.group * p.elements;
  T* const y = p.y + range.group * p.elements;
  const std::int64_t first_channel = quotient(range.begin, p.positions);
  const bool one_channel = range.end <= (first_channel + 1) * p.positions;
  auto channel = channel_of(first_channel);
  for (std::int64_t first = range.begin + static_cast<int>(threadIdx.x) * kWidth; first < range.end;
       first += kInFlight * kStep) {
    RawVector<T> raw[Wide ? kInFlight : 1];
    float single[Wide ? 1 : kInFlight];
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) {
      const std::int64_t at = first + i * kStep;
      if (at >= range.end) continue;
      if constexpr (Wide) {
        raw[i] = load_raw(x + at);
      } else {
        single[i] = to_float(x[at]);
      }
    }
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) {
      const std::int64_t at = first + i * kStep;
      if (at >= range.end) continue;
      if (!one_channel) channel = channel_of(quotient(at, p.positions));
      float value[kWidth];
      if constexpr (Wide) {
        unpack_vector(raw[i], value);
      } else {
        value[0] = single[i];
      }
      finish(value, channel, p.silu);
      if constexpr (Wide) {
        store_vector(y + at, value);
      } else {
        y[at] = from_float<T>(value[0]);
      }
    }
  }
}

template <class T, bool Wide>
__global__ void __launch_bounds__(kPassThreads)
    apply_kernel(const GroupNormArgs<T> p, const Parts parts, const PartMoments* partial) {
  const Range range(gridDim.x - 1 - blockIdx.x, parts, p.elements);
  const Statistics stats =
      merge_moments(partial + range.group * parts.count, parts, p.elements, p.eps);
  const std::int64_t first_channel = range.group % p.groups * p.group_channels;
  apply_range<Wide, kPassThreads>(
      p, range, [&](std::int64_t c) { return affine_of(p, stats, first_channel + c); });
}

template <class T, bool Wide>
__global__ void __launch_bounds__(kPassThreads)
    apply_exact_kernel(const GroupNormArgs<T> p, const Parts parts, const Welford* partial) {
  const Range range(gridDim.x - 1 - blockIdx.x, parts, p.elements);
  const Statistics stats = merge_chains<T>(partial + range.group * kChainWarps, p.eps);
  const std::int64_t first_channel = range.group % p.groups * p.group_channels;
  apply_range<Wide, kPassThreads>(
      p, range, [&](std::int64_t c) { return ExactChannel<T>(p, stats, first_channel + c); });
}

}  // namespace

}  // namespace sinter::fused::cuda
