#pragma once
// f32 registers to e4m3 bytes.

#include <cuda_fp8.h>

#include "ops/cuda/pack.cuh"

namespace sinter::ops::cuda {

/// Two values, rounded to nearest even, `low` in the lower byte; beyond 448 they become it, NaN
/// stays.
__device__ __forceinline__ std::uint16_t pack_e4m3(float low, float high) {
  return __nv_cvt_float2_to_fp8x2(make_float2(low, high), __NV_SATFINITE, __NV_E4M3);
}

/// Eight values times `factor`, aligned to 8 bytes.
__device__ __forceinline__ void store_vector(__nv_fp8_e4m3* to,
                                             const float (&from)[kVector],
                                             float factor = 1.0F) {
  std::uint32_t words[2];
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float* const v = from + 4 * i;
    const std::uint32_t low = pack_e4m3(v[0] * factor, v[1] * factor);
    const std::uint32_t high = pack_e4m3(v[2] * factor, v[3] * factor);
    words[i] = low | high << 16;
  }
  *reinterpret_cast<uint2*>(to) = make_uint2(words[0], words[1]);
}

}  // namespace sinter::ops::cuda
