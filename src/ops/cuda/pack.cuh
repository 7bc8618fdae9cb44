#pragma once
// Eight 16-bit values at a time between memory and f32 registers.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace sinter::ops::cuda {

/// Two values, rounded to nearest, `low` in the lower half.
template <class T>
__device__ __forceinline__ std::uint32_t pack(float low, float high) {
  std::uint32_t bits;
  if constexpr (std::is_same_v<T, __half>) {
    const __half2 pair = __floats2half2_rn(low, high);
    memcpy(&bits, &pair, sizeof bits);
  } else {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    memcpy(&bits, &pair, sizeof bits);
  }
  return bits;
}

template <class T>
__device__ __forceinline__ float2 unpack(std::uint32_t bits) {
  if constexpr (std::is_same_v<T, __half>) {
    __half2 pair;
    memcpy(&pair, &bits, sizeof bits);
    return __half22float2(pair);
  } else {
    __nv_bfloat162 pair;
    memcpy(&pair, &bits, sizeof bits);
    return __bfloat1622float2(pair);
  }
}

inline constexpr int kVector = 8;  // elements of one 16-byte access

template <class T>
__device__ __forceinline__ void unpack_vector(const uint4& raw, float (&to)[kVector]) {
  const std::uint32_t words[] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
  for (int i = 0; i < kVector / 2; ++i) {
    const float2 pair = unpack<T>(words[i]);
    to[2 * i] = pair.x;
    to[2 * i + 1] = pair.y;
  }
}

template <class T>
__device__ __forceinline__ void load_vector(const T* from, float (&to)[kVector]) {
  unpack_vector<T>(*reinterpret_cast<const uint4*>(from), to);
}

template <class T>
__device__ __forceinline__ void store_vector(T* to, const float (&from)[kVector]) {
  *reinterpret_cast<uint4*>(to) = make_uint4(pack<T>(from[0], from[1]),
                                             pack<T>(from[2], from[3]),
                                             pack<T>(from[4], from[5]),
                                             pack<T>(from[6], from[7]));
}

}  // namespace sinter::ops::cuda
