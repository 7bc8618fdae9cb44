#pragma once
// Groups of eight columns of [samples, tokens, columns], one a thread, and the vectors that
// modulate them.

#include "ops/cuda/launch.h"
#include "ops/cuda/pack.cuh"
#include "ops/fused/array.h"

namespace sinter::fused::cuda {

using ops::cuda::kVector;

/// Division by a number that all threads share, of numbers below 2^31: one multiplication instead
/// of some twenty instructions. Granlund and Montgomery, "Division by invariant integers using
/// multiplication", 1994.
class Divisor {
 public:
  Divisor() = default;
  explicit Divisor(std::int64_t by) : by_(static_cast<unsigned>(by)) {
    while ((std::uint64_t{1} << shift_) < by_) ++shift_;
    factor_ = static_cast<unsigned>(
        (std::uint64_t{1} << 32) * ((std::uint64_t{1} << shift_) - by_) / by_ + 1);
  }
  __device__ __forceinline__ unsigned quotient(unsigned x) const {
    return (__umulhi(x, factor_) + x) >> shift_;
  }
  /// x becomes the remainder.
  __device__ __forceinline__ unsigned divide(unsigned& x) const {
    const unsigned q = quotient(x);
    x -= q * by_;
    return q;
  }

 private:
  unsigned by_ = 1, factor_ = 1, shift_ = 0;
};

struct Place {
  unsigned sample, token;
  std::int64_t column;
};

struct RowGroups {
  Divisor per_row, tokens;
  unsigned total = 0;
  std::int64_t columns = 0;

  RowGroups() = default;
  explicit RowGroups(const RowShape& rows)
      : per_row((rows.columns + kVector - 1) / kVector),
        tokens(rows.tokens),
        total(static_cast<unsigned>(rows.samples * rows.tokens *
                                    ((rows.columns + kVector - 1) / kVector))),
        columns(rows.columns) {}
  __device__ __forceinline__ Place place(unsigned group) const {
    Place place{};
    place.token = per_row.divide(group);
    place.column = std::int64_t{group} * kVector;
    place.sample = tokens.divide(place.token);
    return place;
  }
  /// Columns that the row still has there: eight, but for its end.
  __device__ __forceinline__ int count(const Place& p) const {
    return static_cast<int>(min(columns - p.column, std::int64_t{kVector}));
  }
};

/// Rows of a kernel's operand.
template <class T>
struct Strided {
  T* data = nullptr;
  std::int64_t sample_stride = 0, token_stride = 0;

  __device__ __forceinline__ T* at(const Place& p) const {
    return data + p.sample * sample_stride + p.token * token_stride + p.column;
  }
};
template <class T>
Strided<T> strided(const Array& x, const RowShape& rows) {
  return {static_cast<T*>(x.data), rows.sample_stride, rows.token_stride};
}

/// Every row of x, read as `rows`, starts at a multiple of 16 bytes.
inline bool has_aligned_rows(const Array& x, const RowShape& rows) {
  const auto element = static_cast<std::int64_t>(size_of(dtype_of(x.type)));
  return ops::cuda::aligned(x.data) && rows.sample_stride * element % 16 == 0 &&
         rows.token_stride * element % 16 == 0;
}

/// A Modulation of any type on the device. What is absent is never asked for.
struct ModulationReader {
  const void* data = nullptr;
  ElementType type = ElementType::f32;
  bool wide = false;  // eight columns at a time, aligned
  int column_stride = 1;
  Divisor tokens_each;
  std::int64_t sample_stride = 0, token_stride = 0;

  ModulationReader() = default;
  explicit ModulationReader(const Modulation& m)
      : data(m.data),
        type(m.type),
        column_stride(m.column_stride),
        tokens_each(m.tokens_each),
        sample_stride(m.sample_stride),
        token_stride(m.token_stride) {
    const auto element = static_cast<std::int64_t>(size_of(dtype_of(m.type)));
    wide = column_stride == 1 && ops::cuda::aligned(m.data) && sample_stride * element % 16 == 0 &&
           token_stride * element % 16 == 0;
  }

  __device__ __forceinline__ void load(const Place& p, int count, float (&to)[kVector]) const {
    if (type == ElementType::f16) {
      load_as<__half>(p, count, to);
    } else if (type == ElementType::bf16) {
      load_as<__nv_bfloat16>(p, count, to);
    } else {
      load_as<float>(p, count, to);
    }
  }

 private:
  template <class T>
  __device__ __forceinline__ void load_as(const Place& p, int count, float (&to)[kVector]) const {
    const T* const from = static_cast<const T*>(data) + p.sample * sample_stride +
                          tokens_each.quotient(p.token) * token_stride + p.column * column_stride;
    if (wide && count == kVector) return ops::cuda::load_vector(from, to);
#pragma unroll
    for (int e = 0; e < kVector; ++e)
      to[e] = e < count ? ops::cuda::to_float(from[e * column_stride]) : 0.0F;
  }
};

/// x as the type holds it: what a result would be that is stored and read again.
template <class T>
__device__ __forceinline__ float round_to(float x) {
  return ops::cuda::to_float(ops::cuda::from_float<T>(x));
}

template <class T>
__host__ __device__ constexpr ElementType element_type() {
  if constexpr (std::is_same_v<T, float>) return ElementType::f32;
  return std::is_same_v<T, __half> ? ElementType::f16 : ElementType::bf16;
}

}  // namespace sinter::fused::cuda
