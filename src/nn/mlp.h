#pragma once
// The feed-forward branch of a transformer block.

#include <cstdint>
#include <string_view>

#include "checkpoint/binder.h"
#include "nn/linear.h"

namespace sinter::nn {

/// proj(activation(fc(x))).
struct Mlp {
  Linear fc;    ///< width -> inner
  Linear proj;  ///< inner -> width
  ops::Activation activation = ops::Activation::gelu_erf;

  struct Names {
    std::string_view fc;
    std::string_view proj;
  };

  Mlp() = default;
  Mlp(const checkpoint::Binder& binder,
      const Names& names,
      std::int64_t width,
      std::int64_t inner,
      ops::Activation act);

  /// activation(fc(x)), the input of proj.
  Tensor hidden(Context& ctx, const ops::RowView& x) const {
    return fc.forward(ctx, x, activation, &proj);
  }
  /// x [R, width] -> [R, width].
  Tensor forward(Context& ctx, const ops::RowView& x) const;
  /// residual += gate * mlp(x); gate [width], undefined for 1.
  void add_to(Context& ctx,
              const ops::RowView& residual,
              const Tensor& gate,
              const ops::RowView& x) const;
};

}  // namespace sinter::nn
