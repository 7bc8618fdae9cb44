#pragma once
// What the kernels of group norms share: their arguments, statistics that are merged, and the last
// step from x to y.

#include <cuda_runtime.h>

#include <cstdint>

#include "ops/cuda/activation.cuh"
#include "ops/cuda/pack.cuh"
#include "ops/cuda/row_sum.cuh"
#include "ops/fused/cuda/group_norm.h"

namespace sinter::fused::cuda {

using ops::cuda::from_float;
using ops::cuda::kVector;
using ops::cuda::kWarp;
using ops::cuda::load_raw;
using ops::cuda::load_vector;
using ops::cuda::RawVector;
using ops::cuda::store_vector;
using ops::cuda::to_float;
using ops::cuda::unpack_vector;

/// A norm over `groups` contiguous stretches of `elements` in x, each of `group_channels` channels
/// of `positions`; channels-last kernels read the same numbers in another order.
template <class T>
struct GroupNormArgs {
  const T* x;
  T* y;
  const void *weight, *bias;
  bool affine, wide_weights;
  bool silu;
  float eps;
  std::int64_t positions, elements, samples;
  int groups;  // of a sample
  int group_channels;

  __device__ int channels() const { return groups * group_channels; }
};

template <class T>
__device__ __forceinline__ float weight_at(const void* vector, bool wide, std::int64_t i) {
  return wide ? __ldg(static_cast<const float*>(vector) + i)
              : to_float(__ldg(static_cast<const T*>(vector) + i));
}

/// Of a part of a group: the mean, and the sum of the squared distances from it.
struct PartMoments {
  float mean, squares;
};

/// Sums of x - pivot and of its square: with a pivot among the values nothing cancels that
/// matters, however far they lie from zero.
struct ShiftedSums {
  float sum = 0.0F, squares = 0.0F;

  __device__ __forceinline__ void add(float x, float pivot) {
    const float d = x - pivot;
    sum += d;
    squares = fmaf(d, d, squares);
  }
  template <int Lanes = kWarp>
  __device__ __forceinline__ void over_lanes() {
#pragma unroll
    for (int lanes = Lanes / 2; lanes > 0; lanes /= 2) {
      sum += __shfl_xor_sync(~0U, sum, lanes);
      squares += __shfl_xor_sync(~0U, squares, lanes);
    }
  }
  __device__ __forceinline__ PartMoments moments(float pivot, float count) const {
    const float shift = sum / count;
    return {pivot + shift, fmaxf(fmaf(-sum, shift, squares), 0.0F)};
  }
};

struct Statistics {
  float mean, inverse;
};

__device__ __forceinline__ Statistics statistics(const PartMoments& m, float count, float eps) {
  return {m.mean, rsqrtf(m.squares / count + eps)};
}

/// Moments of parts into those of the whole. Each lane adds its own parts, then all meet; distances
/// are from the first part's mean, so that nothing cancels that matters.
struct Merger {
  float pivot, sum, squares;

  static __device__ Merger around(float first_mean) { return {first_mean, 0.0F, 0.0F}; }
  __device__ __forceinline__ void add(const PartMoments& part, float count) {
    const float d = part.mean - pivot;
    sum = fmaf(count, d, sum);
    squares += fmaf(count * d, d, part.squares);
  }
  __device__ __forceinline__ void over_lanes() {
    ShiftedSums sums{sum, squares};
    sums.over_lanes();
    sum = sums.sum;
    squares = sums.squares;
  }
  /// `count`: of all parts.
  __device__ __forceinline__ Statistics statistics(float count, float eps) const {
    return cuda::statistics(ShiftedSums{sum, squares}.moments(pivot, count), count, eps);
  }
};

/// z = x * scale + shift.
struct Affine {
  float scale, shift;
};

/// A channel's weight and bias.
template <class T>
__device__ __forceinline__ Affine weights_of(const GroupNormArgs<T>& p, std::int64_t channel) {
  if (!p.affine) return {1.0F, 0.0F};
  return {weight_at<T>(p.weight, p.wide_weights, channel),
          weight_at<T>(p.bias, p.wide_weights, channel)};
}

__device__ __forceinline__ Affine folded(const Affine& weights, const Statistics& group) {
  const float scale = group.inverse * weights.scale;
  return {scale, fmaf(-scale, group.mean, weights.shift)};
}

template <class T>
__device__ __forceinline__ Affine affine_of(const GroupNormArgs<T>& p,
                                            const Statistics& group,
                                            std::int64_t channel) {
  return folded(weights_of(p, channel), group);
}

template <int Count>
__device__ __forceinline__ void finish(float (&x)[Count], const Affine& a, bool silu) {
#pragma unroll
  for (float& v : x) v = fmaf(v, a.scale, a.shift);
  if (silu) {
#pragma unroll
    for (float& v : x) v = ops::cuda::silu(v);
  }
}

}  // namespace sinter::fused::cuda
