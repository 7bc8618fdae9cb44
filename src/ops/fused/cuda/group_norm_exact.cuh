#pragma once
// The statistics of PyTorch's group_norm (2.11), bit for bit: aten/src/ATen/native/cuda/
// group_norm_kernel.cu, whose kernel gives thread t of 512 (of 32 for fewer elements than 512) the
// elements t, t + 512, ... of a group, follows them with Welford's update, and merges the threads'
// results by halves, warp by warp.
//
// The 512 chains of a group do not depend on each other, so they may run on several
// multiprocessors; what a chain must wait for is one update. The division in it is a division by
// an integer that all chains share, for which two dependent operations are enough:
//
// Let h = RN(1 / n) and l = 1 / n - h within a relative 2^-23. Then RN(a h + RN(a l)), one product
// and one fused multiply-add, is RN(a / n) for all integers 1 <= n <= 2^20 and all a for which
// nothing overflows or underflows. Scale a to an integer A of 24 bits and A 2^s / n into [2^23,
// 2^24), where neighbours are 1 apart. What the last operation rounds lies within 2^24 2^-24 2^-22
// = 2^-22 of A 2^s / n. A point M + 1/2 between two neighbours is |A 2^(s+1) - n (2 M + 1)| / (2 n)
// away from that, which is at least 1 / (2 n) >= 2^-21, as it cannot be zero: 2 M + 1 is odd, and
// would divide A, which is smaller. So both round to the same side.

#include "ops/fused/cuda/group_norm.cuh"

namespace sinter::fused::cuda {

namespace {

constexpr int kChains = 512;  // at::native::cuda_utils::kCUDABlockReduceNumThreads
constexpr int kChainWarps = kChains / kWarp;
constexpr int kUnroll = 16;               // updates between two checks of their range
constexpr int kMostShortCount = 1 << 20;  // see above

/// at::native::WelfordData, without the count that only its updates need.
struct Welford {
  float mean = 0.0F, squares = 0.0F, count = 0.0F;
};

/// {RN(1 / n), the rest}.
__device__ __forceinline__ float2 reciprocal_pair(int n) {
  const auto divisor = static_cast<float>(n);
  const float high = __frcp_rn(divisor);
  return {high, fmaf(-divisor, high, 1.0F) * high};
}

/// WelfordOps::reduce as nvcc compiles it: one division, one fused multiply-add.
__device__ __forceinline__ void update(Welford& w, float x, float count) {
  const float delta = x - w.mean;
  w.mean = w.mean + __fdiv_rn(delta, count);
  w.squares = fmaf(delta, x - w.mean, w.squares);
}

/// kUnroll updates; `before` elements came before, reciprocals[i] is of before + i + 1.
__device__ __forceinline__ void update_all(Welford& w,
                                           const float (&x)[kUnroll],
                                           const float2 (&reciprocals)[kUnroll],
                                           std::int64_t before) {
  float mean = w.mean, squares = w.squares, largest = 0.0F;
  unsigned smallest = ~0U;  // of 2 bits(|delta|) - 1, which leaves zeros out
#pragma unroll
  for (int i = 0; i < kUnroll; ++i) {
    const float2 r = reciprocals[i];
    const float delta = x[i] - mean;
    mean = mean + fmaf(delta, r.x, delta * r.y);
    squares = fmaf(delta, x[i] - mean, squares);
    largest = fmaxf(largest, fabsf(delta));
    smallest = min(smallest, 2 * __float_as_uint(delta) - 1);
  }
  constexpr float kLeast = 0x1p-60F, kMost = 0x1p100F;
  const bool in_range = smallest >= 2 * __float_as_uint(kLeast) - 1 && largest <= kMost &&
                        before + kUnroll <= kMostShortCount && !isnan(mean);
  if (in_range) {
    w.mean = mean;
    w.squares = squares;
    return;
  }
#pragma unroll 1
  for (int i = 0; i < kUnroll; ++i) {
    // A dynamic index would put x into local memory.
    float value = x[0];
#pragma unroll
    for (int j = 1; j < kUnroll; ++j) value = i == j ? x[j] : value;
    update(w, value, static_cast<float>(before + i + 1));
  }
}

/// WelfordOps::combine.
__device__ __forceinline__ Welford combine(const Welford& a, const Welford& b) {
  if (a.count == 0.0F) return b;
  if (b.count == 0.0F) return a;
  const float delta = b.mean - a.mean, count = a.count + b.count;
  const float ratio = __fdiv_rn(b.count, count);
  return {fmaf(delta, ratio, a.mean),
          fmaf(delta * delta * a.count, ratio, a.squares + b.squares),
          count};
}

/// cuda_utils::WarpReduce: lane 0 has the result.
__device__ __forceinline__ Welford combine_lanes(Welford w) {
#pragma unroll
  for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) {
    w = combine(w,
                {__shfl_down_sync(~0U, w.mean, lanes),
                 __shfl_down_sync(~0U, w.squares, lanes),
                 __shfl_down_sync(~0U, w.count, lanes)});
  }
  return w;
}

template <class T>
__device__ __forceinline__ float rounded(float x) {
  return to_float(from_float<T>(x));
}

/// What the kernel makes of the result: eps comes, and both numbers go, in x's type.
template <class T>
__device__ __forceinline__ Statistics statistics(const Welford& w, float eps) {
  return {rounded<T>(w.mean), rounded<T>(rsqrtf(__fdiv_rn(w.squares, w.count) + rounded<T>(eps)))};
}

/// From x to y by PyTorch's operators: group_norm, rounded to T, then silu.
enum class Formula { folded, weighted, plain };

template <class T>
struct ExactChannel {
  Formula formula;
  Statistics group;
  Affine affine{};  // folded: scale and shift, weighted: weight and bias

  __device__ ExactChannel(const GroupNormArgs<T>& p, const Statistics& stats, std::int64_t channel)
      : formula(!p.affine          ? Formula::plain
                : p.positions == 1 ? Formula::weighted
                                   : Formula::folded),
        group(stats) {
    if (formula == Formula::plain) return;
    affine = {weight_at<T>(p.weight, p.wide_weights, channel),
              weight_at<T>(p.bias, p.wide_weights, channel)};
    if (formula == Formula::weighted) return;
    affine.scale = group.inverse * affine.scale;
    // Not fused: the two stand on either side of a branch there.
    affine.shift = __fadd_rn(__fmul_rn(-affine.scale, group.mean), affine.shift);
  }
};

/// x / (1 + exp(-x)) as two operators round it. What the division is made of where nothing
/// overflows or underflows stands here without the test and the branch that each would have.
template <int Count>
__device__ __forceinline__ void exact_silu(float (&x)[Count]) {
  float divisor[Count], largest = 0.0F;
  unsigned smallest = ~0U;  // of 2 bits(|x|) - 1, which leaves zeros out
#pragma unroll
  for (int i = 0; i < Count; ++i) {
    divisor[i] = 1.0F + expf(-x[i]);
    largest = fmaxf(largest, fmaxf(divisor[i], x[i]));
    smallest = min(smallest, 2 * __float_as_uint(x[i]) - 1);
  }
  constexpr float kLeast = 0x1p-60F, kMost = 0x1p60F;
  if (smallest >= 2 * __float_as_uint(kLeast) - 1 && largest <= kMost) {
#pragma unroll
    for (int i = 0; i < Count; ++i) {
      const float d = divisor[i];
      float inverse = ops::cuda::reciprocal_fast(d);
      inverse = fmaf(inverse, fmaf(-d, inverse, 1.0F), inverse);
      float quotient = x[i] * inverse;
      quotient = fmaf(fmaf(-d, quotient, x[i]), inverse, quotient);
      quotient = fmaf(fmaf(-d, quotient, x[i]), inverse, quotient);
      x[i] = copysignf(quotient, x[i]);  // of zeros
    }
  } else {
#pragma unroll
    for (int i = 0; i < Count; ++i) x[i] = __fdiv_rn(x[i], divisor[i]);
  }
}

template <class T, int Count>
__device__ __forceinline__ void finish(float (&x)[Count], const ExactChannel<T>& c, bool silu) {
  if (c.formula == Formula::folded) {
#pragma unroll
    for (float& v : x) v = fmaf(c.affine.scale, v, c.affine.shift);
  } else {
#pragma unroll
    for (float& v : x) {
      v = (v - c.group.mean) * c.group.inverse;
      if (c.formula == Formula::weighted) v = fmaf(v, c.affine.scale, c.affine.shift);
    }
  }
#pragma unroll
  for (float& v : x) v = rounded<T>(v);
  if (silu) exact_silu(x);
}

}  // namespace

}  // namespace sinter::fused::cuda
