#include "ops/key_selection.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "cpu/gemm.h"
#include "ops/check.h"
#include "ops/pointwise_rows.h"

namespace sinter::ops {

namespace {

/// Queries whose scores against all keys are held at once.
constexpr std::int64_t kRows = 64;

void check_queries(const PackedKeyValues& keys,
                   std::int64_t heads,
                   std::int64_t dim,
                   Device device) {
  SINTER_CHECK(keys.keys() > 0 && keys.heads() == heads && keys.dim() == dim,
               ErrorCode::invalid_argument,
               "[key selection] queries: expected ",
               keys.heads(),
               " heads of ",
               keys.dim(),
               ", got ",
               heads,
               " heads of ",
               dim);
  if (device != Device::cpu) fail_device("key selection", device);
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

}  // namespace

KeyLists top_keys(Context& ctx,
                  const PackedKeyValues& keys,
                  const Tensor& mean_query,
                  std::int64_t count) {
  check_queries(keys, mean_query.dim(0), mean_query.dim(1), mean_query.device);
  SINTER_CHECK(count >= 1 && count <= keys.keys(),
               ErrorCode::invalid_argument,
               "[key selection] count: expected 1..",
               keys.keys(),
               ", got ",
               count);
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

void mark_attended_keys(Context& ctx,
                        const PackedKeyValues& keys,
                        const HeadView& q,
                        float threshold,
                        std::span<std::uint8_t> marked) {
  check_queries(keys, q.heads, q.dim, q.device);
  SINTER_CHECK(std::cmp_equal(marked.size(), keys.keys()),
               ErrorCode::invalid_argument,
               "[key selection] marks: expected ",
               keys.keys(),
               ", got ",
               marked.size());
  ArenaScope scope(ctx.arena());
  const std::int64_t n = keys.keys();
  float* weight = ctx.allocate(DType::f32, {q.heads, kRows, n}, "weights").f32_mut();
  for (std::int64_t first = 0; first < q.tokens; first += kRows) {
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

}  // namespace sinter::ops
