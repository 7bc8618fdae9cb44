#pragma once
// Fully connected layer: weights and forward.

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "checkpoint/binder.h"
#include "ops/linear.h"

namespace sinter::nn {

/// Output channels [first, first + count) of a fused weight of `total` channels.
struct OutputSlice {
  std::int64_t total = 0;
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// y = x W^T + b. The packed weight is owned; nothing stays in the binder's store.
struct Linear {
  ops::LinearWeight weight;

  Linear() = default;
  /// Binds "<name>.weight" [out, in] and, where `bias` is set, "<name>.bias" [out].
  Linear(const checkpoint::Binder& binder,
         std::string_view name,
         std::int64_t in,
         std::int64_t out,
         bool bias = true);
  /// As above, keeping only a slice of the output channels.
  Linear(const checkpoint::Binder& binder,
         std::string_view name,
         std::int64_t in,
         const OutputSlice& slice,
         bool bias = true);

  /// Projections of one input that are stored apart, as one product: binds "<name>.weight"
  /// [out, in] of each name, and "<name>.bias" [out] where `bias` is set, and stacks them to
  /// [names * out, in].
  static Linear stacked(const checkpoint::Binder& binder,
                        std::initializer_list<std::string_view> names,
                        std::int64_t in,
                        std::int64_t out,
                        bool bias);

  /// A convolution whose stride equals its kernel size (see ops::patch_embed): binds
  /// "<name>.weight" [out, channels, kernel, kernel] and "<name>.bias" [out].
  static Linear convolution(const checkpoint::Binder& binder,
                            std::string_view name,
                            const Shape& kernel);

  /// x [R, in] -> [R, out]; of the type that `reader` multiplies, where one is given.
  Tensor forward(Context& ctx,
                 const ops::RowView& x,
                 ops::Activation activation = ops::Activation::none,
                 const Linear* reader = nullptr) const {
    return ops::linear(
        ctx, x, weight, {.activation = activation, .reader = reader ? &reader->weight : nullptr});
  }
  /// Writes into rows of a wider tensor: `reader`'s input, where one is given.
  void into(Context& ctx,
            const ops::RowView& x,
            const ops::RowView& dst,
            ops::Activation activation = ops::Activation::none,
            const Linear* reader = nullptr) const {
    ops::linear_into(ctx,
                     x,
                     weight,
                     dst,
                     {.activation = activation, .reader = reader ? &reader->weight : nullptr});
  }
  /// Uninitialised memory for x [rows, in], of the type that the weight multiplies.
  Tensor input(Context& ctx, std::int64_t rows, std::string_view name) const {
    return ops::linear_input(ctx, weight, rows, name);
  }
  /// residual += gate * y; gate [out], undefined for 1.
  void add_to(Context& ctx,
              const ops::RowView& residual,
              const Tensor& gate,
              const ops::RowView& x) const {
    ops::linear_add_gated_in_place(ctx, residual, gate, x, weight);
  }
};

}  // namespace sinter::nn
