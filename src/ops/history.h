#pragma once
// Snapshots of a tensor as the steps of a run go by, sums of them, and how much one differs from
// another. On a device everything that changes from step to step is read there when the work runs,
// so that it may be recorded.

#include "core/context.h"
#include "core/tensor.h"
#include "ops/step.h"

namespace sinter::ops {

/// Row number (place mod rows) of table [rows, ...] = x, which has as many elements as a row.
void store_row(Context& ctx, const Tensor& table, const Step& place, const Tensor& x);

/// dst = sum_j weights[j] table[j] for table [rows, ...] and weights f32 [rows]. A row of weight 0
/// is not read: it may hold anything.
void weighted_rows(Context& ctx, const Tensor& table, const Tensor& weights, const Tensor& dst);

/// sums f32 [2] = (sum |a - b|, sum |b|) over all elements, added in an order that depends on their
/// number alone.
void measure_change(Context& ctx, const Tensor& a, const Tensor& b, const Tensor& sums);

}  // namespace sinter::ops
