#include "checkpoint/float_cast.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/error.h"

namespace sinter::checkpoint {

namespace {

/// A double as a float, rounded to odd: toward zero, with the last bit set where that was inexact.
/// Rounding the result once more, to at most 22 bits, then gives what rounding the double at once
/// would (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", 2008).
float to_odd(double value) {
  float nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value || std::isnan(value) || std::isinf(value)) {
    return nearest;
  }
  if (std::abs(static_cast<double>(nearest)) > std::abs(value)) {
    nearest = std::nextafter(nearest, 0.0f);
  }
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(nearest) | 1u);
}

// One struct a type: its bits in the file, and its value as T, float wherever that is exact.

struct Half {
  using Bits = std::uint16_t;
  static float read(Bits bits) { return half_to_float(bits); }
  static Bits write(float value) { return float_to_half(value); }
  static Bits write(double value) { return float_to_half(to_odd(value)); }
  static bool finite(Bits bits) { return (bits & 0x7c00u) != 0x7c00u; }
};

struct Bfloat16 {
  using Bits = std::uint16_t;
  static float read(Bits bits) { return bfloat16_to_float(bits); }
  static Bits write(float value) { return float_to_bfloat16(value); }
  static Bits write(double value) { return float_to_bfloat16(to_odd(value)); }
  static bool finite(Bits bits) { return (bits & 0x7f80u) != 0x7f80u; }
};

struct Float {
  using Bits = std::uint32_t;
  static float read(Bits bits) { return std::bit_cast<float>(bits); }
  static Bits write(float value) { return std::bit_cast<Bits>(value); }
  static Bits write(double value) { return std::bit_cast<Bits>(static_cast<float>(value)); }
  static bool finite(Bits bits) { return (bits & 0x7f800000u) != 0x7f800000u; }
};

struct Double {
  using Bits = std::uint64_t;
  static double read(Bits bits) { return std::bit_cast<double>(bits); }
  static Bits write(double value) { return std::bit_cast<Bits>(value); }
  static bool finite(Bits bits) { return (bits >> 52 & 0x7ff) != 0x7ff; }
};

template <class From, class To>
std::optional<FloatOverflow> cast_all(std::span<const std::byte> src, std::byte* dst) {
  const std::size_t count = src.size() / sizeof(typename From::Bits);
  for (std::size_t i = 0; i < count; ++i) {
    typename From::Bits bits;
    std::memcpy(&bits, src.data() + i * sizeof(bits), sizeof(bits));
    const auto value = From::read(bits);
    const typename To::Bits result = To::write(value);
    if (!To::finite(result) && From::finite(bits)) {
      return FloatOverflow{i, static_cast<double>(value)};
    }
    std::memcpy(dst + i * sizeof(result), &result, sizeof(result));
  }
  return {};
}

template <class From>
std::optional<FloatOverflow> cast_from(std::span<const std::byte> src, std::byte* dst, DType to) {
  switch (to) {
    case DType::f16:
      return cast_all<From, Half>(src, dst);
    case DType::bf16:
      return cast_all<From, Bfloat16>(src, dst);
    case DType::f32:
      return cast_all<From, Float>(src, dst);
    case DType::f64:
      return cast_all<From, Double>(src, dst);
    default:
      fail(ErrorCode::internal, "[cast_floats] expected a floating dtype, got ", to_string(to));
  }
}

}  // namespace

std::optional<FloatOverflow> cast_floats(std::span<const std::byte> src,
                                         DType from,
                                         std::byte* dst,
                                         DType to) {
  if (from == to) {
    std::memcpy(dst, src.data(), src.size());
    return {};
  }
  switch (from) {
    case DType::f16:
      return cast_from<Half>(src, dst, to);
    case DType::bf16:
      return cast_from<Bfloat16>(src, dst, to);
    case DType::f32:
      return cast_from<Float>(src, dst, to);
    case DType::f64:
      return cast_from<Double>(src, dst, to);
    default:
      fail(ErrorCode::internal, "[cast_floats] expected a floating dtype, got ", to_string(from));
  }
}

}  // namespace sinter::checkpoint
