#pragma once
// Routing of a mixture of experts: which rows go to which expert, and the way there and back.
//
// Shazeer et al.: "Outrageously large neural networks: the sparsely-gated mixture-of-experts
// layer", 2017. Every row goes to `top_k` experts, so that rows * top_k rows are worked on: the
// "places", grouped by expert, so that each expert runs one product over all of its rows.

#include <cstdint>
#include <span>

#include "core/context.h"
#include "core/tensor.h"
#include "ops/activation.h"
#include "ops/linear.h"
#include "ops/view.h"

namespace sinter::ops {

/// Of R rows to E experts, k each. The tensors live where the logits do, in the context's arena.
struct Routing {
  std::int64_t rows = 0;
  int top_k = 0;
  Tensor first;          ///< i32 [E + 1], each expert's first place, and R * k behind the last one
  Tensor place_rows;     ///< i32 [R * k], the row of each place, ascending in an expert
  Tensor place_weights;  ///< f32 [R * k], the probability with which it chose the expert
  Tensor row_places;     ///< i32 [R, k], the places of each row, ascending by expert

  std::int64_t experts() const { return first.dim(0) - 1; }
  std::int64_t places() const { return rows * top_k; }
};

/// logits [R, E] -> the places of each of the E experts. Every row goes to its `top_k` most
/// probable experts; of equally probable ones to those of lower index. The weights are softmax
/// probabilities over all E, not renormalised over the chosen ones. 1 <= top_k <= E; on a device E
/// is at most 16 and top_k at most 4. A row with logits that are no numbers has weights that are
/// none.
/// Source: hy3dshape/models/denoisers/moe_layers.py, MoEGate.
Routing route_experts(Context& ctx, const Tensor& logits, int top_k);

/// x [R, C] -> [R * k, C]: the row of each place, in x's type.
Tensor gather_rows(Context& ctx, const RowView& x, const Routing& routing);

/// dst[p] = activation(x[p] W_e^T + b_e) for the places p of every expert e. x [R * k, I] and dst
/// [R * k, O], one weight an expert. On a device I is a multiple of 64, O of 8.
void linear_experts(Context& ctx,
                    const RowView& x,
                    std::span<const LinearWeight* const> weights,
                    const Routing& routing,
                    Activation activation,
                    const RowView& dst);

/// x[r] += the sum over the places p of row r of place_weights[p] * y[p], in the order of the
/// experts. x [R, C], y [R * k, C].
void scatter_add_rows(Context& ctx, const RowView& x, const Routing& routing, const RowView& y);

}  // namespace sinter::ops
