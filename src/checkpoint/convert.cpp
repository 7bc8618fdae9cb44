#include "checkpoint/convert.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/error.h"

namespace sinter::checkpoint {

namespace {

// One struct a source type: the conversion of its bits, and the test whether the result is a
// finite float. Both are free of branches, so that the loops over them become vector code.

struct FromHalf {
  using Bits = std::uint16_t;
  /// Normal numbers move their exponent from bias 15 to 127. Subnormal ones, m * 2^-24, are read as
  /// 2^-14 + m * 2^-24 and lose the 2^-14 again, which is exact.
  static float convert(Bits half) {
    const std::uint32_t magnitude = half & 0x7fffu;
    const std::uint32_t shifted = magnitude << 13;
    const float normal = std::bit_cast<float>(shifted + (112u << 23));
    const float subnormal = std::bit_cast<float>(shifted + (113u << 23)) - 0x1p-14f;
    const float value = magnitude < 0x400u ? subnormal : normal;
    const std::uint32_t sign = (half & 0x8000u) << 16;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | sign);
  }
  static bool finite(Bits half) { return (half & 0x7c00u) != 0x7c00u; }
};

struct FromBfloat16 {
  using Bits = std::uint16_t;
  static float convert(Bits bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
  static bool finite(Bits bits) { return (bits & 0x7f80u) != 0x7f80u; }
};

struct FromFloat {
  using Bits = std::uint32_t;
  static float convert(Bits bits) { return std::bit_cast<float>(bits); }
  static bool finite(Bits bits) { return (bits & 0x7f800000u) != 0x7f800000u; }
};

struct FromDouble {
  using Bits = std::uint64_t;
  static float convert(Bits bits) { return static_cast<float>(std::bit_cast<double>(bits)); }
  static bool finite(Bits bits) {
    return FromFloat::finite(std::bit_cast<std::uint32_t>(convert(bits)));
  }
};

/// Only for the test whether a double is a number, whatever its size.
struct CheckDouble : FromDouble {
  static bool finite(Bits bits) { return (bits & 0x7ff0000000000000u) != 0x7ff0000000000000u; }
};

template <class From>
typename From::Bits load(const unsigned char* src, std::size_t index) {
  typename From::Bits bits;
  std::memcpy(&bits, src + index * sizeof(bits), sizeof(bits));
  return bits;
}

/// Converts a block (or only looks at it where dst is null); true if every result is finite.
template <class From>
[[gnu::always_inline]] inline bool block(const unsigned char* src, float* dst, std::size_t count) {
  std::uint32_t bad = 0;
  if (dst == nullptr) {
#pragma omp simd reduction(| : bad)
    for (std::size_t i = 0; i < count; ++i) bad |= From::finite(load<From>(src, i)) ? 0u : 1u;
  } else {
#pragma omp simd reduction(| : bad)
    for (std::size_t i = 0; i < count; ++i) {
      const typename From::Bits bits = load<From>(src, i);
      dst[i] = From::convert(bits);
      bad |= From::finite(bits) ? 0u : 1u;
    }
  }
  return bad == 0;
}

template <class From>
bool block_plain(const unsigned char* src, float* dst, std::size_t count) {
  return block<From>(src, dst, count);
}

#if defined(__x86_64__)
template <class From>
__attribute__((target("avx2"))) bool block_avx2(const unsigned char* src,
                                                float* dst,
                                                std::size_t count) {
  return block<From>(src, dst, count);
}
bool has_avx2() {
  return __builtin_cpu_supports("avx2") != 0;
}
#endif

template <class From>
std::int64_t convert_all(const void* source, float* dst, std::size_t count, int threads) {
  constexpr std::size_t kBlock = 1 << 15;
  auto* run = block_plain<From>;
#if defined(__x86_64__)
  if (has_avx2()) run = block_avx2<From>;
#endif
  const auto* src = static_cast<const unsigned char*>(source);
  const auto blocks = static_cast<std::int64_t>((count + kBlock - 1) / kBlock);
  std::int64_t first_bad = blocks;
#pragma omp parallel for num_threads(threads) schedule(static) \
    reduction(min                                              \
              : first_bad) if (threads > 1 && blocks > 8)
  for (std::int64_t b = 0; b < blocks; ++b) {
    const std::size_t begin = static_cast<std::size_t>(b) * kBlock;
    const std::size_t size = std::min(kBlock, count - begin);
    const bool finite = run(
        src + begin * sizeof(typename From::Bits), dst == nullptr ? nullptr : dst + begin, size);
    if (!finite) first_bad = std::min(first_bad, b);
  }
  if (first_bad == blocks) return -1;
  std::size_t index = static_cast<std::size_t>(first_bad) * kBlock;
  while (From::finite(load<From>(src, index))) ++index;
  return static_cast<std::int64_t>(index);
}

}  // namespace

std::int64_t convert_weights(
    const void* src, DType src_dtype, float* dst, std::size_t count, int threads) {
  switch (src_dtype) {
    case DType::f16:
      return convert_all<FromHalf>(src, dst, count, threads);
    case DType::bf16:
      return convert_all<FromBfloat16>(src, dst, count, threads);
    case DType::f32:
      return convert_all<FromFloat>(src, dst, count, threads);
    case DType::f64:
      return convert_all<FromDouble>(src, dst, count, threads);
    default:
      fail(ErrorCode::internal,
           "[convert_weights] expected a floating dtype, got ",
           to_string(src_dtype));
  }
}

std::int64_t find_non_finite(const TensorEntry& entry, int threads) {
  const void* src = entry.bytes.data();
  const std::size_t count = entry.bytes.size() / size_of(entry.dtype);
  if (!is_floating(entry.dtype)) return -1;
  if (entry.dtype == DType::f64) return convert_all<CheckDouble>(src, nullptr, count, threads);
  return convert_weights(src, entry.dtype, nullptr, count, threads);
}

std::string coordinates(std::int64_t index, const Shape& shape) {
  std::string text;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const std::int64_t extent = std::max<std::int64_t>(1, shape[axis]);
    text = cat(index % extent, text.empty() ? "" : ", ", text);
    index /= extent;
  }
  return "[" + text + "]";
}

}  // namespace sinter::checkpoint
