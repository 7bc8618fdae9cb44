#pragma once
// Elements of the fused operators' arrays on the host, through f32.

#include <cstdint>
#include <cstring>

#include "ops/fused/array.h"

namespace sinter::fused {

inline float load(const void* data, ElementType type, std::int64_t index) {
  if (type == ElementType::f32) return static_cast<const float*>(data)[index];
  const std::uint16_t bits = static_cast<const std::uint16_t*>(data)[index];
  return type == ElementType::f16 ? half_to_float(bits) : bfloat16_to_float(bits);
}

/// Rounded to nearest even.
inline void store(void* data, ElementType type, std::int64_t index, float value) {
  if (type == ElementType::f32) {
    static_cast<float*>(data)[index] = value;
  } else {
    static_cast<std::uint16_t*>(data)[index] =
        type == ElementType::f16 ? float_to_half(value) : float_to_bfloat16(value);
  }
}

/// The value that `type` holds for x.
inline float rounded(float x, ElementType type) {
  if (type == ElementType::f16) return half_to_float(float_to_half(x));
  if (type == ElementType::bf16) return bfloat16_to_float(float_to_bfloat16(x));
  return x;
}

/// The type that an operation of a and b gives: f32 for f16 with bf16.
inline ElementType promoted(ElementType a, ElementType b) {
  return a == b ? a : ElementType::f32;
}

inline std::int64_t offset_of(const Modulation& m, std::int64_t sample, std::int64_t token) {
  return sample * m.sample_stride + token / m.tokens_each * m.token_stride;
}

}  // namespace sinter::fused
