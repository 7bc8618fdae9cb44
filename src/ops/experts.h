#pragma once
// Routing of a mixture of experts: which rows go to which expert, and the way there and back.
//
// Shazeer et al.: "Outrageously large neural networks: the sparsely-gated mixture-of-experts
// layer", 2017. Rows are grouped by expert, so that each expert runs one product over all of its
// rows.

#include <cstdint>
#include <span>
#include <vector>

#include "core/context.h"
#include "core/tensor.h"
#include "ops/view.h"

namespace sinter::ops {

/// The rows of one expert, ascending, and the probability with which each chose it.
struct ExpertRows {
  std::vector<std::int64_t> rows;
  std::vector<float> weights;
};

/// logits [R, E] -> the rows of each of the E experts. Every row goes to its `top_k` most probable
/// experts; of equally probable ones to those of lower index. The weights are softmax
/// probabilities over all E, not renormalised over the chosen ones. 1 <= top_k <= E. A row with
/// logits that are no numbers has weights that are none.
/// Source: hy3dshape/models/denoisers/moe_layers.py, MoEGate.
std::vector<ExpertRows> route_experts(Context& ctx, const Tensor& logits, int top_k);

/// Rows `rows` of x, in that order: [rows, C].
Tensor gather_rows(Context& ctx, const RowView& x, std::span<const std::int64_t> rows);

/// x[rows[i]] += weights[i] * y[i] for every i; `rows` names no row twice.
void scatter_add_rows(Context& ctx,
                      const RowView& x,
                      std::span<const std::int64_t> rows,
                      std::span<const float> weights,
                      const RowView& y);

}  // namespace sinter::ops
