#pragma once
// Values between memory, in f32, f16 or bf16, and f32 registers: one at a time, or eight.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/dtype.h"
#include "core/error.h"

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

__device__ __forceinline__ float to_float(float x) {
  return x;
}
__device__ __forceinline__ float to_float(__half x) {
  return __half2float(x);
}
__device__ __forceinline__ float to_float(__nv_bfloat16 x) {
  return __bfloat162float(x);
}

/// Rounded to nearest.
template <class T>
__device__ __forceinline__ T from_float(float x) {
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else if constexpr (std::is_same_v<T, __half>) {
    return __float2half_rn(x);
  } else {
    return __float2bfloat16_rn(x);
  }
}

inline constexpr int kVector = 8;  // elements that a thread takes at a time

/// Eight values as they lie in memory, aligned to 16 bytes: one access of 16-bit values, two of
/// f32.
template <class T>
struct RawVector {
  uint4 words[sizeof(T) * kVector / sizeof(uint4)];
};

template <class T>
__device__ __forceinline__ RawVector<T> load_raw(const T* from) {
  RawVector<T> raw;
#pragma unroll
  for (std::size_t i = 0; i < sizeof raw / sizeof(uint4); ++i)
    raw.words[i] = reinterpret_cast<const uint4*>(from)[i];
  return raw;
}

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
__device__ __forceinline__ void unpack_vector(const RawVector<T>& raw, float (&to)[kVector]) {
  if constexpr (std::is_same_v<T, float>) {
    memcpy(to, raw.words, sizeof to);
  } else {
    unpack_vector<T>(raw.words[0], to);
  }
}

template <class T>
__device__ __forceinline__ void load_vector(const T* from, float (&to)[kVector]) {
  unpack_vector<T>(load_raw(from), to);
}

template <class T>
__device__ __forceinline__ void store_vector(T* to, const float (&from)[kVector]) {
  if constexpr (std::is_same_v<T, float>) {
    auto* const words = reinterpret_cast<float4*>(to);
    words[0] = make_float4(from[0], from[1], from[2], from[3]);
    words[1] = make_float4(from[4], from[5], from[6], from[7]);
  } else {
    *reinterpret_cast<uint4*>(to) = make_uint4(pack<T>(from[0], from[1]),
                                               pack<T>(from[2], from[3]),
                                               pack<T>(from[4], from[5]),
                                               pack<T>(from[6], from[7]));
  }
}

/// The first `count` of eight values, of any alignment; zero beyond them.
template <class T>
__device__ __forceinline__ void load_some(const T* from, int count, float (&to)[kVector]) {
#pragma unroll
  for (int e = 0; e < kVector; ++e) to[e] = e < count ? to_float(from[e]) : 0.0F;
}

template <class T>
__device__ __forceinline__ void store_some(T* to, int count, const float (&from)[kVector]) {
#pragma unroll
  for (int e = 0; e < kVector; ++e)
    if (e < count) to[e] = from_float<T>(from[e]);
}

/// Calls body(T{}) with the element type that `dtype` names. Raises ErrorCode::invalid_argument for
/// others than f32, f16 and bf16.
template <class Body>
void with_element(DType dtype, const char* who, Body body) {
  switch (dtype) {
    case DType::f32:
      return body(float{});
    case DType::f16:
      return body(__half{});
    case DType::bf16:
      return body(__nv_bfloat16{});
    default:
      fail(ErrorCode::invalid_argument,
           "[",
           who,
           "] expected f32, f16 or bf16, got ",
           to_string(dtype));
  }
}

}  // namespace sinter::ops::cuda
