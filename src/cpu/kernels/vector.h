#pragma once
// The vector type of one instruction set, through the compilers' vector extensions.
//
// Every file of this folder but kernels.h is compiled once for each instruction set (see
// CMakeLists.txt), with SINTER_LANES floats to a vector. All of it stands in unnamed namespaces and
// no standard header with inline functions may be included here: the linker keeps one copy of such
// a function for the whole program, and it might be the one that needs AVX-512.

#include <cstdint>

namespace sinter::cpu {
namespace {

inline constexpr int kLanes = SINTER_LANES;

// Attributes of these types: aliasing float is allowed, as for the vendors' own vector types.
typedef float Vec __attribute__((vector_size(SINTER_LANES * 4), may_alias));
typedef float VecUnaligned __attribute__((vector_size(SINTER_LANES * 4), may_alias, aligned(4)));
typedef std::int32_t VecInt __attribute__((vector_size(SINTER_LANES * 4), may_alias));

#define SINTER_INLINE inline __attribute__((always_inline))

SINTER_INLINE Vec splat(float value) {
  return value - Vec{};
}

SINTER_INLINE Vec load(const float* p) {
  return *reinterpret_cast<const VecUnaligned*>(p);
}

SINTER_INLINE void store(float* p, Vec v) {
  *reinterpret_cast<VecUnaligned*>(p) = v;
}

/// The first `count` lanes from memory, the others `fill`.
SINTER_INLINE Vec load_partial(const float* p, std::int64_t count, float fill) {
  Vec v = splat(fill);
  for (std::int64_t i = 0; i < count; ++i) v[i] = p[i];
  return v;
}

SINTER_INLINE void store_partial(float* p, Vec v, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) p[i] = v[i];
}

/// The larger; the second where one is NaN.
SINTER_INLINE Vec vmax(Vec a, Vec b) {
  return a > b ? a : b;
}

SINTER_INLINE Vec vabs(Vec a) {
  return reinterpret_cast<Vec>(reinterpret_cast<VecInt>(a) & 0x7fffffff);
}

typedef float Quarter __attribute__((vector_size(16), may_alias));

/// Folds a vector in halves: lanes (0, n / 2), (1, n / 2 + 1), ...; one fixed order.
template <class Fold>
SINTER_INLINE float reduce(Quarter v, Fold fold) {
  return fold(fold(v[0], v[2]), fold(v[1], v[3]));
}

template <class Half, class Fold>
SINTER_INLINE Half fold_halves(const void* v, Fold fold) {
  Half low, high;
  __builtin_memcpy(&low, v, sizeof(Half));
  __builtin_memcpy(&high, static_cast<const char*>(v) + sizeof(Half), sizeof(Half));
  return fold(low, high);
}

#if SINTER_LANES >= 8
typedef float Octet __attribute__((vector_size(32), may_alias));
template <class Fold>
SINTER_INLINE float reduce(Octet v, Fold fold) {
  return reduce(fold_halves<Quarter>(&v, fold), fold);
}
#endif

#if SINTER_LANES >= 16
template <class Fold>
SINTER_INLINE float reduce(Vec v, Fold fold) {
  return reduce(fold_halves<Octet>(&v, fold), fold);
}
#endif

SINTER_INLINE float sum_lanes(Vec v) {
  return reduce(v, [](auto a, auto b) { return a + b; });
}

SINTER_INLINE float max_lanes(Vec v) {
  return reduce(v, [](auto a, auto b) { return a > b ? a : b; });
}

}  // namespace
}  // namespace sinter::cpu
