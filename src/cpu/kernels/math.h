#pragma once
// Elementary functions on vectors. Coefficients come from fit_polynomials.py. Bounds hold for every
// instruction set and are checked densely by tests/cpu/math_test.cpp.

#include "cpu/kernels/vector.h"

namespace sinter::cpu {
namespace {

inline constexpr float kLog2E = 1.44269504F;

template <int N>
SINTER_INLINE Vec polynomial(Vec x, const float (&coefficients)[N]) {
  Vec y = splat(coefficients[N - 1]);
#pragma GCC unroll 16
  for (int i = N - 2; i >= 0; --i) y = y * x + coefficients[i];
  return y;
}

/// 2^r for |r| <= 0.5, relative error 2e-9 before rounding.
SINTER_INLINE Vec exp2_fraction(Vec r) {
  constexpr float kExp2[] = {1.0F,
                             0.693147182F,
                             0.240226462F,
                             0.0555032864F,
                             0.00961848907F,
                             0.00133999309F,
                             0.000153458124F};
  return polynomial(r, kExp2);
}

/// Adding this rounds to an integer (its unit in the last place is 1) and leaves integer + 127, the
/// biased exponent of a float, in the low bits of the sum.
inline constexpr float kRoundToExponent = 12582912.0F + 127.0F;

/// 2^t for t <= 0; below -125 the result is 2^-125. Relative error 1.5e-7. NaN stays NaN.
SINTER_INLINE Vec exp2_nonpositive(Vec t) {
  t = vmax(splat(-125.0F), t);
  const Vec shifted = t + kRoundToExponent;
  const Vec power = reinterpret_cast<Vec>(reinterpret_cast<VecInt>(shifted) << 23);
  return exp2_fraction(t - (shifted - kRoundToExponent)) * power;
}

/// e^x for x <= 0; below -86 the result is e^-86. Relative error 2e-7. NaN stays NaN.
SINTER_INLINE Vec exp_nonpositive(Vec x) {
  constexpr float kLn2High = 0.693145752F;  // 17 bits: exact times any exponent
  constexpr float kLn2Low = 1.42860677e-6F;
  x = vmax(splat(-86.0F), x);
  const Vec shifted = x * kLog2E + kRoundToExponent;
  const Vec power = reinterpret_cast<Vec>(reinterpret_cast<VecInt>(shifted) << 23);
  const Vec n = shifted - kRoundToExponent;
  const Vec r = (x - n * kLn2High) - n * kLn2Low;
  return exp2_fraction(r * kLog2E) * power;
}

// The three activations are written as max(x, 0) - |x| s(|x|) with s the share that a negative
// input lets through: no cancellation on either side, and the exponential never overflows.

/// x Phi(x), the exact GELU: s(a) = Phi(-a) = 2^log2_tail(a). Beyond 6.5 s is taken as 0 (it is
/// below 4.1e-11). Error at most 6e-8 max(1, x), and below zero also at most 1.5e-6 of the value
/// for x > -5.
SINTER_INLINE Vec gelu_erf(Vec x) {
  constexpr float kLog2Tail[] = {-1.0F,
                                 -1.15110409F,
                                 -0.459224284F,
                                 -0.0524180345F,
                                 0.00688623637F,
                                 8.02848226e-05F,
                                 -0.000340070575F,
                                 0.000103747909F,
                                 -1.84953133e-05F,
                                 2.09880545e-06F,
                                 -1.40785843e-07F,
                                 4.26099911e-09F};
  const Vec a = vabs(x);
  const Vec tail = a * exp2_nonpositive(polynomial(a, kLog2Tail));
  return vmax(x, Vec{}) - (a > 6.5F ? Vec{} : tail);
}

/// a / (1 + e^t) for a >= 0 and t >= 0, written with e^-t.
SINTER_INLINE Vec logistic_tail(Vec a, Vec t) {
  const Vec e = exp_nonpositive(-t);
  return a * e / (1.0F + e);
}

/// The tanh form of GELU: s(a) = 1 / (1 + e^(2 u)), u = sqrt(2 / pi) (a + 0.044715 a^3).
/// Error at most 9e-8 max(1, x), and 2.5e-6 of the value for -5 < x < 0.
SINTER_INLINE Vec gelu_tanh(Vec x) {
  constexpr float kLinear = 1.59576912F;  // 2 sqrt(2 / pi)
  constexpr float kCubic = 0.0713548163F;
  // Beyond 11 the tail is below 1e-50; the limit keeps infinity out of the product.
  const Vec a = vabs(x);
  const Vec b = a > 11.0F ? splat(11.0F) : a;
  const Vec tail = logistic_tail(b, b * (kLinear + kCubic * (b * b)));
  return vmax(x, Vec{}) - (a > 11.0F ? Vec{} : tail);
}

/// x / (1 + e^-x): s(a) = 1 / (1 + e^a). Error at most 9e-8 max(1, x), and 3e-7 of the value for
/// x > -5. Below -86 the result is 0 (true value: above -4e-36).
SINTER_INLINE Vec silu(Vec x) {
  const Vec a = vabs(x);
  return vmax(x, Vec{}) - (a > 86.0F ? Vec{} : logistic_tail(a, a));
}

}  // namespace
}  // namespace sinter::cpu
