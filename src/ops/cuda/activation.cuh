#pragma once
// Activations of f32 registers, in the forms of ops/activation.h.

#include "ops/activation.h"
#include "ops/cuda/fast_math.cuh"

namespace sinter::ops::cuda {

/// x / (1 + exp(-argument)); the few units in the last place that the fast exponential and
/// reciprocal cost are far below the rounding to 16 bits.
__device__ __forceinline__ float times_sigmoid(float x, float argument) {
  constexpr float kLog2E = 1.44269504088896341F;
  return x * reciprocal_fast(1.0F + exp2_fast(-kLog2E * argument));
}

__device__ __forceinline__ float silu(float x) {
  return times_sigmoid(x, x);
}

/// max(x, 0) - |x| / 2 erfc(|x| / sqrt 2), which loses nothing where the result is small:
/// erfc(z) = exp(-z^2) t P(t), t = 1 / (1 + 0.33 z), with a minimax P of relative error 1.1e-7 for
/// z up to 10. The form is that of Abramowitz and Stegun, 7.1.26. erff() takes twice the
/// instructions, which the kernels then wait for instead of for memory.
__device__ __forceinline__ float gelu_erf(float x) {
  constexpr float kHalfP[] = {9.317726923e-02F,
                              9.150163272e-02F,
                              1.004716501e-01F,
                              2.405206946e-02F,
                              2.034499305e-01F,
                              -1.747385498e-01F,
                              2.296497930e-01F,
                              -6.756379669e-02F};
  constexpr float kSlope = 0.33F * 0.70710678118654752F;
  constexpr float kHalfLog2E = 0.72134752044448170F;
  const float size = fabsf(x);
  const float t = reciprocal_fast(fmaf(kSlope, size, 1.0F));
  float sum = kHalfP[7];
#pragma unroll
  for (int i = 6; i >= 0; --i) sum = fmaf(sum, t, kHalfP[i]);
  const float half_erfc = sum * t * exp2_fast(-kHalfLog2E * x * x);
  return fmaf(-size, half_erfc, fmaxf(x, 0.0F));
}

/// (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)).
__device__ __forceinline__ float gelu_tanh(float x) {
  constexpr float kTwiceSqrtTwoOverPi = 1.59576912160573071F;
  return times_sigmoid(x, kTwiceSqrtTwoOverPi * fmaf(0.044715F * x, x * x, x));
}

/// The same choice for all threads: a uniform branch around the loop.
template <int Count>
__device__ __forceinline__ void activate(Activation activation, float (&x)[Count]) {
  switch (activation) {
    case Activation::gelu_erf:
#pragma unroll
      for (float& v : x) v = gelu_erf(v);
      break;
    case Activation::gelu_tanh:
#pragma unroll
      for (float& v : x) v = gelu_tanh(v);
      break;
    case Activation::silu:
#pragma unroll
      for (float& v : x) v = silu(v);
      break;
    case Activation::none:
      break;
  }
}

}  // namespace sinter::ops::cuda
