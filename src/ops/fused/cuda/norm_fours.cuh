#pragma once
// Four elements at a time, as PyTorch's layer_norm hands them out, and what the norms of rows in
// registers do with them.

#include <cstring>
#include <type_traits>

#include "ops/cuda/async_copy.cuh"
#include "ops/fused/cuda/rows.cuh"
#include "ops/fused/cuda/torch_sums.cuh"

namespace sinter::fused::cuda {

namespace {

constexpr int kFour = 4;

/// Four elements as they lie in memory.
template <class T>
struct Four {
  std::conditional_t<std::is_same_v<T, float>, uint4, uint2> words;
};

/// Asked for once: the caches may forget it before what is asked for again.
template <class T>
__device__ __forceinline__ Four<T> load_once(const T* from) {
  return {__ldcs(reinterpret_cast<const decltype(Four<T>::words)*>(from))};
}
template <class T>
__device__ __forceinline__ Four<T> load_four(const T* from) {
  return {*reinterpret_cast<const decltype(Four<T>::words)*>(from)};
}
/// To shared memory, without a register between; wait_for_copies() by the same thread.
template <class T>
__device__ __forceinline__ void copy_four(Four<T>* to, const T* from) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(ops::cuda::shared_address(to)),
               "l"(from),
               "n"(sizeof(Four<T>))
               : "memory");
}
__device__ __forceinline__ void wait_for_copies() {
  asm volatile("cp.async.wait_all;" ::: "memory");
}

template <class T>
__device__ __forceinline__ void store(T* to, const Four<T>& four) {
  *reinterpret_cast<decltype(Four<T>::words)*>(to) = four.words;
}

template <class T>
__device__ __forceinline__ void unpack(const Four<T>& four, float (&to)[kFour]) {
  if constexpr (std::is_same_v<T, float>) {
    memcpy(to, &four.words, sizeof to);
  } else {
    const float2 low = ops::cuda::unpack<T>(four.words.x),
                 high = ops::cuda::unpack<T>(four.words.y);
    to[0] = low.x, to[1] = low.y, to[2] = high.x, to[3] = high.y;
  }
}
/// Rounded to nearest.
template <class T>
__device__ __forceinline__ Four<T> pack(const float (&from)[kFour]) {
  Four<T> four;
  if constexpr (std::is_same_v<T, float>) {
    memcpy(&four.words, from, sizeof from);
  } else {
    four.words =
        make_uint2(ops::cuda::pack<T>(from[0], from[1]), ops::cuda::pack<T>(from[2], from[3]));
  }
  return four;
}

template <class T>
__device__ __forceinline__ Four<T> same_four(float x) {
  return pack<T>({x, x, x, x});
}

/// As the type holds them.
template <class T>
__device__ __forceinline__ void round_four(float (&x)[kFour]) {
  unpack<T>(pack<T>(x), x);
}

/// Arithmetic of the 16-bit types themselves. A product or sum of theirs that is rounded to f32 and
/// then to them is the one rounded once: f32 has more than twice their digits (Figueroa, "When is
/// double rounding innocuous?", 1995).
template <class T>
struct Pairs {
  using Pair = std::conditional_t<std::is_same_v<T, __half>, __half2, __nv_bfloat162>;

  template <class Operation>
  static __device__ __forceinline__ Four<T> each(const Four<T>& a,
                                                 const Four<T>& b,
                                                 Operation operation) {
    Pair x[2], y[2];
    memcpy(x, &a.words, sizeof x);
    memcpy(y, &b.words, sizeof y);
    const Pair z[2] = {operation(x[0], y[0]), operation(x[1], y[1])};
    Four<T> four;
    memcpy(&four.words, z, sizeof z);
    return four;
  }
  static __device__ __forceinline__ Four<T> product(const Four<T>& a, const Four<T>& b) {
    return each(a, b, [](Pair x, Pair y) { return __hmul2_rn(x, y); });
  }
  static __device__ __forceinline__ Four<T> sum(const Four<T>& a, const Four<T>& b) {
    return each(a, b, [](Pair x, Pair y) { return __hadd2_rn(x, y); });
  }
  static __device__ __forceinline__ Four<T> one_more(const Four<T>& a) {
    return sum(same_four<T>(1.0F), a);
  }
};

/// (x - mean) * inverse, each rounded to f32.
template <class T>
__device__ __forceinline__ void normed(const Four<T>& x,
                                       const RowStatistics& s,
                                       float (&n)[kFour]) {
  unpack<T>(x, n);
#pragma unroll
  for (int e = 0; e < kFour; ++e) n[e] = __fmul_rn(__fsub_rn(n[e], s.mean), s.inverse);
}

/// n * (one + factor) + summand, the product not rounded.
template <class V>
__device__ __forceinline__ void multiply_add(float (&n)[kFour],
                                             float one,
                                             const Four<V>& factor,
                                             const Four<V>& summand) {
  float f[kFour], b[kFour];
  unpack<V>(factor, f);
  unpack<V>(summand, b);
#pragma unroll
  for (int e = 0; e < kFour; ++e) n[e] = fmaf(n[e], one + f[e], b[e]);
}

/// n * weight after n was rounded, and rounded itself where both are of T; what a weight of another
/// type makes f32 stays it.
template <class T, class V>
__device__ __forceinline__ void weigh_rounded(float (&n)[kFour],
                                              const Four<V>& weight,
                                              bool round_norm) {
  float w[kFour];
  unpack<V>(weight, w);
  if (round_norm) round_four<T>(n);
#pragma unroll
  for (int e = 0; e < kFour; ++e) n[e] = __fmul_rn(n[e], w[e]);
  if (std::is_same_v<T, V> && round_norm) round_four<T>(n);
}

/// n * (1 + scale) + shift, each rounded as its operator rounds it; n itself too where
/// `round_norm`.
template <class T, class V>
__device__ __forceinline__ Four<T> modulated(float (&n)[kFour],
                                             const Four<V>& scale,
                                             const Four<V>& shift,
                                             bool round_norm) {
  if constexpr (std::is_same_v<T, V> && !std::is_same_v<T, float>) {
    if (round_norm)
      return Pairs<T>::sum(Pairs<T>::product(pack<T>(n), Pairs<T>::one_more(scale)), shift);
  }
  // From here on in f32: n, or what multiplies it, is.
  float factor[kFour], summand[kFour];
  unpack<V>(scale, factor);
  unpack<V>(shift, summand);
#pragma unroll
  for (int e = 0; e < kFour; ++e) factor[e] = __fadd_rn(1.0F, factor[e]);
  round_four<V>(factor);
  if (round_norm) round_four<T>(n);
#pragma unroll
  for (int e = 0; e < kFour; ++e) n[e] = __fadd_rn(__fmul_rn(n[e], factor[e]), summand[e]);
  return pack<T>(n);
}

/// residual + gate * x, as the next reader will see it.
template <class T, class V>
__device__ __forceinline__ Four<T> gated_sum(const Four<T>& x,
                                             const Four<T>& residual,
                                             const Four<V>& gate,
                                             bool exact) {
  float value[kFour], sum[kFour], factor[kFour];
  unpack<T>(x, value);
  unpack<T>(residual, sum);
  unpack<V>(gate, factor);
  if (exact) {
#pragma unroll
    for (int e = 0; e < kFour; ++e) factor[e] = __fmul_rn(factor[e], value[e]);
    if constexpr (std::is_same_v<T, V>) round_four<T>(factor);
#pragma unroll
    for (int e = 0; e < kFour; ++e) sum[e] = __fadd_rn(sum[e], factor[e]);
  } else {
#pragma unroll
    for (int e = 0; e < kFour; ++e) sum[e] = fmaf(factor[e], value[e], sum[e]);
  }
  return pack<T>(sum);
}

}  // namespace

}  // namespace sinter::fused::cuda
