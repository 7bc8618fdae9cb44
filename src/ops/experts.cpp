#include "ops/experts.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/kernels.h"
#include "ops/backend.h"
#include "ops/check.h"
#include "ops/pointwise_rows.h"

namespace sinter::ops {

namespace {

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

/// The experts of each row, ascending, [R, k], and their probabilities.
void choose_experts(const Tensor& logits,
                    int top_k,
                    std::int32_t* chosen,
                    std::vector<float>& weights) {
  const auto k = static_cast<std::size_t>(top_k);
  const auto experts = static_cast<std::size_t>(logits.dim(1));
  std::vector<std::size_t> order(experts);
  for (std::int64_t row = 0; row < logits.dim(0); ++row) {
    const float* values = logits.f32() + row * logits.dim(1);
    select_largest(values, k, order);
    const double top = double{values[order[0]]};
    double total = 0;
    for (std::size_t e = 0; e < experts; ++e) total += std::exp(double{values[e]} - top);
    std::sort(order.begin(), order.begin() + top_k);
    for (std::size_t i = 0; i < k; ++i) {
      *chosen++ = static_cast<std::int32_t>(order[i]);
      weights.push_back(static_cast<float>(std::exp(double{values[order[i]]} - top) / total));
    }
  }
}

void route_cpu(const Tensor& logits, Routing& routing) {
  std::int32_t* const row_places = routing.row_places.ptr<std::int32_t>();
  std::vector<float> weights;  // in the order of row_places
  weights.reserve(static_cast<std::size_t>(routing.places()));
  choose_experts(logits, routing.top_k, row_places, weights);

  const std::span<std::int32_t> first(routing.first.ptr<std::int32_t>(),
                                      static_cast<std::size_t>(routing.experts()) + 1);
  std::fill(first.begin(), first.end(), 0);
  for (std::int64_t i = 0; i < routing.places(); ++i) {
    ++first[static_cast<std::size_t>(row_places[i]) + 1];
  }
  for (std::size_t e = 1; e < first.size(); ++e) first[e] += first[e - 1];
  std::vector<std::int32_t> next(first.begin(), first.end());
  for (std::int64_t i = 0; i < routing.places(); ++i) {
    const std::int32_t place = next[static_cast<std::size_t>(row_places[i])]++;
    routing.place_rows.ptr<std::int32_t>()[place] = static_cast<std::int32_t>(i / routing.top_k);
    routing.place_weights.f32_mut()[place] = weights[static_cast<std::size_t>(i)];
    row_places[i] = place;
  }
}

}  // namespace

Routing route_experts(Context& ctx, const Tensor& logits, int top_k) {
  check_rank("route_experts", "logits", logits, 2);
  const std::int64_t rows = logits.dim(0), experts = logits.dim(1);
  SINTER_CHECK(top_k >= 1 && top_k <= experts,
               ErrorCode::invalid_argument,
               "[route_experts] top_k: expected 1..",
               experts,
               ", got ",
               top_k);
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  SINTER_CHECK(rows <= kMost / top_k,
               ErrorCode::invalid_argument,
               "[route_experts] logits: expected at most ",
               kMost / top_k,
               " rows, got ",
               rows);
  Routing routing{.rows = rows,
                  .top_k = top_k,
                  .first = ctx.allocate(DType::i32, {experts + 1}, "first places"),
                  .place_rows = ctx.allocate(DType::i32, {rows * top_k}, "place rows"),
                  .place_weights = ctx.allocate(DType::f32, {rows * top_k}, "place weights"),
                  .row_places = ctx.allocate(DType::i32, {rows, top_k}, "row places")};
  if (logits.device != Device::cpu) {
    backend(ctx, "route_experts").route_experts(ctx, logits, routing);
  } else {
    route_cpu(logits, routing);
  }
  return routing;
}

Tensor gather_rows(Context& ctx, const RowView& x, const Routing& routing) {
  check_rows("gather_rows", "x", x, routing.rows, x.columns);
  check_device("gather_rows", x, routing.place_rows.device);
  const Tensor y = ctx.allocate(x.dtype, {routing.places(), x.columns}, "gathered");
  if (x.device != Device::cpu) {
    backend(ctx, "gather_rows").gather_rows(x, routing, y);
    return y;
  }
  const std::int32_t* const rows = routing.place_rows.ptr<std::int32_t>();
  for_rows(ctx, y, [&](float* row, std::int64_t place, std::int64_t count) {
    std::copy_n(x.row(rows[place]), count, row);
  });
  return y;
}

void linear_experts(Context& ctx,
                    const RowView& x,
                    std::span<const LinearWeight* const> weights,
                    const Routing& routing,
                    Activation activation,
                    const RowView& dst) {
  SINTER_CHECK(std::ssize(weights) == routing.experts(),
               ErrorCode::invalid_argument,
               "[linear_experts] weights: expected ",
               routing.experts(),
               ", got ",
               weights.size());
  for (const LinearWeight* weight : weights) {
    check_rows("linear_experts", "x", x, routing.places(), weight->in_features());
    check_rows("linear_experts", "dst", dst, routing.places(), weight->out_features());
    check_device("linear_experts", x, weight->device());
    check_device("linear_experts", dst, weight->device());
  }
  if (x.device != Device::cpu) {
    return backend(ctx, "linear_experts").linear_experts(x, weights, routing, activation, dst);
  }
  const std::int32_t* const first = routing.first.ptr<std::int32_t>();
  for (std::size_t e = 0; e < weights.size(); ++e) {
    linear_into(ctx,
                rows_of(x, first[e], first[e + 1]),
                *weights[e],
                rows_of(dst, first[e], first[e + 1]),
                {.activation = activation});
  }
}

void scatter_add_rows(Context& ctx, const RowView& x, const Routing& routing, const RowView& y) {
  check_rows("scatter_add_rows", "x", x, routing.rows, x.columns);
  check_rows("scatter_add_rows", "y", y, routing.places(), x.columns);
  check_device("scatter_add_rows", x, routing.row_places.device);
  check_device("scatter_add_rows", y, x.device);
  if (x.device != Device::cpu) {
    return backend(ctx, "scatter_add_rows").scatter_add_rows(x, routing, y);
  }
  const std::int32_t* const places = routing.row_places.ptr<std::int32_t>();
  const float* const weights = routing.place_weights.f32();
  for_rows(ctx, x, [&](float* row, std::int64_t index, std::int64_t count) {
    for (int k = 0; k < routing.top_k; ++k) {
      const std::int32_t place = places[index * routing.top_k + k];
      cpu::kernels().add_scaled(row, weights[place], y.row(place), count);
    }
  });
}

}  // namespace sinter::ops
