#pragma once
// LayerNorm with learned weight and bias.

#include <cstdint>
#include <string_view>

#include "checkpoint/binder.h"
#include "ops/norm.h"

namespace sinter::nn {

struct LayerNorm {
  Tensor weight;  ///< [C]
  Tensor bias;    ///< [C]
  float eps = 1e-6F;

  LayerNorm() = default;
  /// Binds "<name>.weight" and "<name>.bias".
  LayerNorm(const checkpoint::Binder& binder,
            std::string_view name,
            std::int64_t channels,
            float epsilon);

  /// x [..., C] -> the same shape.
  Tensor forward(Context& ctx, const Tensor& x) const {
    return ops::layer_norm(ctx, x, weight, bias, eps);
  }
};

}  // namespace sinter::nn
