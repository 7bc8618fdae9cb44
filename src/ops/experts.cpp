#include "ops/experts.h"

#include <algorithm>
#include <cmath>

#include "cpu/kernels.h"
#include "ops/check.h"
#include "ops/pointwise_rows.h"
#include "ops/transfer.h"

namespace sinter::ops {

namespace {

void check_row_indices(const char* op, const RowView& x, std::span<const std::int64_t> rows) {
  for (const std::int64_t row : rows) {
    SINTER_CHECK(row >= 0 && row < x.rows,
                 ErrorCode::invalid_argument,
                 "[",
                 op,
                 "] expected rows below ",
                 x.rows,
                 ", got ",
                 row,
                 origin(x.name));
  }
}

/// Moves the indices of the k largest of `values` to the front of `order`, largest first.
void select_largest(const float* values, std::size_t k, std::vector<std::size_t>& order) {
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (std::size_t place = 0; place < k; ++place) {
    std::size_t best = place;
    for (std::size_t i = place + 1; i < order.size(); ++i) {
      const float a = values[order[i]], b = values[order[best]];
      if (a > b || (a == b && order[i] < order[best])) best = i;
    }
    std::swap(order[place], order[best]);
  }
}

}  // namespace

std::vector<ExpertRows> route_experts(Context& ctx, const Tensor& logits, int top_k) {
  check_rank("route_experts", "logits", logits, 2);
  SINTER_CHECK(top_k >= 1 && top_k <= logits.dim(1),
               ErrorCode::invalid_argument,
               "[route_experts] top_k: expected 1..",
               logits.dim(1),
               ", got ",
               top_k);
  ArenaScope scope(ctx.host().arena());
  const Tensor host = to_host(ctx, logits);
  const auto experts = static_cast<std::size_t>(logits.dim(1));
  std::vector<ExpertRows> result(experts);
  std::vector<std::size_t> order(experts);
  for (std::int64_t row = 0; row < logits.dim(0); ++row) {
    const float* values = host.f32() + row * logits.dim(1);
    select_largest(values, static_cast<std::size_t>(top_k), order);
    const double top = double{values[order[0]]};
    double total = 0;
    for (std::size_t e = 0; e < experts; ++e) total += std::exp(double{values[e]} - top);
    for (std::size_t i = 0; i < static_cast<std::size_t>(top_k); ++i) {
      const double probability = std::exp(double{values[order[i]]} - top) / total;
      result[order[i]].rows.push_back(row);
      result[order[i]].weights.push_back(static_cast<float>(probability));
    }
  }
  return result;
}

Tensor gather_rows(Context& ctx, const RowView& x, std::span<const std::int64_t> rows) {
  check_row_indices("gather_rows", x, rows);
  const Tensor y =
      ctx.allocate(DType::f32, {static_cast<std::int64_t>(rows.size()), x.columns}, "gathered");
  if (x.device != Device::cpu) fail_device("gather_rows", x.device);
  for_rows(ctx, y, [&](float* row, std::int64_t index, std::int64_t count) {
    std::copy_n(x.row(rows[static_cast<std::size_t>(index)]), count, row);
  });
  return y;
}

void scatter_add_rows(Context& ctx,
                      const RowView& x,
                      std::span<const std::int64_t> rows,
                      std::span<const float> weights,
                      const RowView& y) {
  check_row_indices("scatter_add_rows", x, rows);
  check_rows("scatter_add_rows", "y", y, static_cast<std::int64_t>(rows.size()), x.columns);
  SINTER_CHECK(weights.size() == rows.size(),
               ErrorCode::invalid_argument,
               "[scatter_add_rows] weights: expected ",
               rows.size(),
               ", got ",
               weights.size());
  if (x.device != Device::cpu) fail_device("scatter_add_rows", x.device);
  for_rows(ctx, y, [&](const float* row, std::int64_t i, std::int64_t count) {
    const auto index = static_cast<std::size_t>(i);
    cpu::kernels().add_scaled(x.row(rows[index]), weights[index], row, count);
  });
}

}  // namespace sinter::ops
