#pragma once
// Activations of f32 values on the host.

#include <cmath>
#include <numbers>

#include "ops/fused/host.h"

namespace sinter::fused {

inline bool is_known(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::gelu:
    case ActivationKind::gelu_tanh:
    case ActivationKind::fast_gelu:
    case ActivationKind::silu:
      return true;
  }
  return false;
}

inline float sigmoid(float x) {
  return 1.0F / (1.0F + std::exp(-x));
}

/// With the operations, and the roundings to `type`, of the unfused operators.
inline float eager(ActivationKind kind, float x, ElementType type) {
  constexpr float kSqrtHalf = std::numbers::sqrt2_v<float> / 2.0F;
  constexpr float kSqrtTwoOverPi = 0.79788456080286535588F;
  switch (kind) {
    case ActivationKind::gelu:
      return x * 0.5F * (1.0F + std::erf(x * kSqrtHalf));
    case ActivationKind::gelu_tanh:
      return 0.5F * x * (1.0F + std::tanh(kSqrtTwoOverPi * (x + 0.044715F * (x * x * x))));
    case ActivationKind::fast_gelu:
      return x * rounded(sigmoid(rounded(1.702F * x, type)), type);
    case ActivationKind::silu:
      return x / (1.0F + std::exp(-x));
  }
  return x;
}

/// The same functions in forms that lose nothing where they are small.
inline float precise(ActivationKind kind, float x) {
  constexpr float kSqrtHalf = std::numbers::sqrt2_v<float> / 2.0F;
  constexpr float kTwiceSqrtTwoOverPi = 1.59576912160573071176F;
  switch (kind) {
    case ActivationKind::gelu:
      return x * 0.5F * std::erfc(-x * kSqrtHalf);
    case ActivationKind::gelu_tanh:
      return x * sigmoid(kTwiceSqrtTwoOverPi * (x + 0.044715F * (x * x * x)));
    case ActivationKind::fast_gelu:
      return x * sigmoid(1.702F * x);
    case ActivationKind::silu:
      return x * sigmoid(x);
  }
  return x;
}

}  // namespace sinter::fused
