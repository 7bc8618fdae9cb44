#include "ops/key_selection.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "cpu/gemm.h"
#include "ops/backend.h"
#include "ops/check.h"
#include "ops/pointwise_rows.h"

namespace sinter::ops {

namespace {

/// Queries whose scores against all keys are held at once.
constexpr std::int64_t kRows = 64;

void check_groups(const PackedKeyValues& keys,
                  const HeadView& q,
                  std::span<const std::int64_t> group_sizes) {
  SINTER_CHECK(keys.keys() > 0 && keys.heads() == q.heads && keys.dim() == q.dim,
               ErrorCode::invalid_argument,
               "[key selection] queries: expected ",
               keys.heads(),
               " heads of ",
               keys.dim(),
               ", got ",
               q.heads,
               " heads of ",
               q.dim);
  SINTER_CHECK(keys.device() == q.device,
               ErrorCode::invalid_argument,
               "[key selection] queries: expected them on ",
               to_string(keys.device()),
               " as the keys, got ",
               to_string(q.device));
  std::int64_t total = 0;
  for (const std::int64_t size : group_sizes) {
    SINTER_CHECK(size > 0 && size <= q.tokens - total,
                 ErrorCode::invalid_argument,
                 "[key selection] groups: expected ",
                 q.tokens,
                 " queries in groups of at least one, got one of ",
                 size,
                 " behind ",
                 total);
    total += size;
  }
  SINTER_CHECK(total == q.tokens && !group_sizes.empty(),
               ErrorCode::invalid_argument,
               "[key selection] groups: expected ",
               q.tokens,
               " queries together, got ",
               total);
}

/// dst [heads, dim] = the mean of queries.
void mean_of(const HeadView& q, const Tensor& dst) {
  std::vector<double> sums(static_cast<std::size_t>(q.heads * q.dim));
  for (std::int64_t token = 0; token < q.tokens; ++token) {
    for (std::int64_t head = 0; head < q.heads; ++head) {
      const float* query = q.at(token, head);
      double* sum = sums.data() + head * q.dim;
      for (std::int64_t i = 0; i < q.dim; ++i) sum[i] += double{query[i]};
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    dst.f32_mut()[i] = static_cast<float>(sums[i] / static_cast<double>(q.tokens));
  }
}

void check_count(const PackedKeyValues& keys, std::int64_t count) {
  SINTER_CHECK(count >= 1 && count <= keys.keys(),
               ErrorCode::invalid_argument,
               "[key selection] count: expected 1..",
               keys.keys(),
               ", got ",
               count);
}

/// Calls body(the group's queries) for each group.
template <class Body>
void for_groups(const HeadView& q, std::span<const std::int64_t> group_sizes, Body body) {
  std::int64_t first = 0;
  for (const std::int64_t size : group_sizes) {
    body(tokens_of(q, first, first + size));
    first += size;
  }
}

/// q k^T of one head: rows queries, q_stride apart -> [rows, keys].
void scores(Context& ctx,
            const PackedKeyValues& keys,
            std::int64_t head,
            const float* q,
            std::int64_t q_stride,
            std::int64_t rows,
            float* dst) {
  if (keys.keys() == 1) {  // which gemm() would expect in another layout, and of which all is known
    std::fill_n(dst, rows, 0.0F);
    return;
  }
  cpu::gemm(ctx,
            {rows, keys.keys(), keys.dim()},
            q,
            q_stride,
            keys.packed_keys(head),
            dst,
            keys.keys(),
            cpu::Epilogue{});
}

void softmax(float* x, std::int64_t count) {
  const float top = *std::max_element(x, x + count);
  float sum = 0.0F;
  for (std::int64_t i = 0; i < count; ++i) sum += x[i] = std::exp(x[i] - top);
  for (std::int64_t i = 0; i < count; ++i) x[i] /= sum;
}

/// For each head the `count` keys of the largest product with that head's row of `mean_query`
/// [heads, dim], ascending. The mean of dot products is the dot product of the mean.
KeyLists top_keys(Context& ctx,
                  const PackedKeyValues& keys,
                  const Tensor& mean_query,
                  std::int64_t count) {
  ArenaScope scope(ctx.arena());
  float* score = ctx.allocate(DType::f32, {keys.keys()}, "scores").f32_mut();
  KeyLists lists{keys.heads(), count, {}};
  std::vector<std::int32_t> order(static_cast<std::size_t>(keys.keys()));
  for (std::int64_t head = 0; head < keys.heads(); ++head) {
    scores(ctx, keys, head, mean_query.f32() + head * keys.dim(), keys.dim(), 1, score);
    // A broken model's NaN would break the order; it shows again in what attention gives.
    std::replace_if(
        score,
        score + keys.keys(),
        [](float value) { return std::isnan(value); },
        -std::numeric_limits<float>::infinity());
    std::iota(order.begin(), order.end(), 0);
    std::nth_element(order.begin(), order.begin() + count - 1, order.end(), [&](auto a, auto b) {
      return score[a] != score[b] ? score[a] > score[b] : a < b;
    });
    std::sort(order.begin(), order.begin() + count);
    lists.index.insert(lists.index.end(), order.begin(), order.begin() + count);
  }
  return lists;
}

/// Sets marked[key], and leaves the others alone, where the mean weight exceeds `threshold` for
/// some query.
void mark_attended_keys(Context& ctx,
                        const PackedKeyValues& keys,
                        const HeadView& q,
                        float threshold,
                        std::span<std::uint8_t> marked) {
  ArenaScope scope(ctx.arena());
  const std::int64_t n = keys.keys();
  float* weight = ctx.allocate(DType::f32, {q.heads, kRows, n}, "weights").f32_mut();
  for (std::int64_t first = 0; first < q.tokens; first += kRows) {
    ctx.check_cancelled();
    const std::int64_t rows = std::min(kRows, q.tokens - first);
    for (std::int64_t head = 0; head < q.heads; ++head) {
      const float* queries = q.at(first, head);
      scores(ctx, keys, head, queries, q.token_stride, rows, weight + head * kRows * n);
    }
    for_rows(ctx,
             Tensor{weight, DType::f32, Device::cpu, {q.heads * kRows, n}, {}},
             [&](float* row, std::int64_t index, std::int64_t columns) {
               if (index % kRows < rows) softmax(row, columns);
             });
    const float limit = threshold * static_cast<float>(q.heads);
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t key = 0; key < n; ++key) {
        float sum = 0.0F;
        for (std::int64_t head = 0; head < q.heads; ++head) {
          sum += weight[(head * kRows + row) * n + key];
        }
        // Negated, so that a broken model's NaN is kept and shows in what attention gives.
        if (!(sum <= limit)) marked[static_cast<std::size_t>(key)] = 1;
      }
    }
  }
}

/// The same list for every head: the keys whose mark is set, ascending.
KeyLists marked_keys(std::int64_t heads, std::span<const std::uint8_t> marked) {
  std::vector<std::int32_t> chosen;
  for (std::size_t key = 0; key < marked.size(); ++key) {
    if (marked[key] != 0) chosen.push_back(static_cast<std::int32_t>(key));
  }
  KeyLists lists{heads, static_cast<std::int64_t>(chosen.size()), {}};
  for (std::int64_t head = 0; head < heads; ++head) {
    lists.index.insert(lists.index.end(), chosen.begin(), chosen.end());
  }
  return lists;
}

}  // namespace

std::vector<PackedKeyValues> choose_top_keys(Context& ctx,
                                             const PackedKeyValues& keys,
                                             const HeadView& q,
                                             std::span<const std::int64_t> group_sizes,
                                             std::int64_t count) {
  check_groups(keys, q, group_sizes);
  check_count(keys, count);
  if (keys.device() != Device::cpu) {
    return backend(ctx, "key selection").choose_top_keys(ctx, keys, q, group_sizes, count);
  }
  ArenaScope scope(ctx.arena());
  const Tensor mean = ctx.allocate(DType::f32, {q.heads, q.dim}, "mean query");
  std::vector<PackedKeyValues> chosen;
  for_groups(q, group_sizes, [&](const HeadView& group) {
    mean_of(group, mean);
    chosen.push_back(keys.gather(ctx, top_keys(ctx, keys, mean, count)));
  });
  return chosen;
}

std::vector<PackedKeyValues> choose_attended_keys(Context& ctx,
                                                  const PackedKeyValues& keys,
                                                  const HeadView& q,
                                                  std::span<const std::int64_t> group_sizes,
                                                  float threshold) {
  check_groups(keys, q, group_sizes);
  if (keys.device() != Device::cpu) {
    return backend(ctx, "key selection").choose_attended_keys(ctx, keys, q, group_sizes, threshold);
  }
  std::vector<PackedKeyValues> chosen;
  for_groups(q, group_sizes, [&](const HeadView& group) {
    std::vector<std::uint8_t> marked(static_cast<std::size_t>(keys.keys()));
    mark_attended_keys(ctx, keys, group, threshold, marked);
    chosen.push_back(keys.gather(ctx, marked_keys(keys.heads(), marked)));
  });
  return chosen;
}

}  // namespace sinter::ops
