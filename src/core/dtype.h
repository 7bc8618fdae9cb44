#pragma once
// Element types, and the conversions between the floating-point ones.

#include <cstddef>
#include <cstdint>
#include <span>

namespace sinter {

enum class DType : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

/// Bytes of one element.
std::size_t size_of(DType dtype);
/// Lower-case name: "f32", "bf16", ...
const char* to_string(DType dtype);
bool is_floating(DType dtype);

/// IEEE binary16 and bfloat16 travel as their bit patterns; arithmetic is done in float.
float half_to_float(std::uint16_t bits);
/// Round to nearest even; overflow gives infinity, NaN stays NaN.
std::uint16_t float_to_half(float value);
float bfloat16_to_float(std::uint16_t bits);
/// Round to nearest even; NaN stays NaN.
std::uint16_t float_to_bfloat16(float value);

/// Converts `count` elements of a floating-point or integer type to float. `src` needs no
/// alignment.
void convert_to_float(const void* src, DType src_dtype, float* dst, std::size_t count);

}  // namespace sinter
