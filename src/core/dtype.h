#pragma once
// Element types, and the conversions between the floating-point ones.

#include <cstddef>
#include <cstdint>
#include <span>

namespace sinter {

/// f8_e4m3 is what products on a device multiply; no file holds it.
enum class DType : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean, f8_e4m3 };

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

/// The finite type of Micikevicius et al., "FP8 formats for deep learning", 2022: four bits of
/// exponent, three of mantissa, no infinity; 0x7f and 0xff are NaN.
float e4m3_to_float(std::uint8_t bits);
inline constexpr float kMostE4m3 = 448.0F;

/// Converts `count` elements of a floating-point or integer type to float. `src` needs no
/// alignment.
void convert_to_float(const void* src, DType src_dtype, float* dst, std::size_t count);

}  // namespace sinter
