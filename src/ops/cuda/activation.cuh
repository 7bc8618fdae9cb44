#pragma once
// Activations of f32 registers, in the forms of ops/activation.h.

#include "ops/activation.h"

namespace sinter::ops::cuda {

/// x / (1 + exp(-factor * x)); the two units in the last place that the fast exponential and
/// quotient cost are far below the rounding to 16 bits.
__device__ __forceinline__ float times_sigmoid(float x, float argument) {
  return __fdividef(x, 1.0F + __expf(-argument));
}

__device__ __forceinline__ float silu(float x) {
  return times_sigmoid(x, x);
}

__device__ __forceinline__ float gelu_erf(float x) {
  constexpr float kSqrtHalf = 0.70710678118654752F;
  return 0.5F * x * (1.0F + erff(x * kSqrtHalf));
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
