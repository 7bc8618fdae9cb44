#pragma once
// Layer and RMS norms of rows. Sums run in 4 * kLanes chains, folded in one fixed order.

#include "cpu/kernels.h"
#include "cpu/kernels/vector.h"

namespace sinter::cpu {
namespace {

/// Sum of term(values) over a row; lanes past its end are `fill`, for which term must give 0.
template <class Term>
SINTER_INLINE float sum_row(const float* x, std::int64_t count, float fill, Term term) {
  Vec sum[4] = {};
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) sum[j] += term(load(x + i + j * kLanes));
  }
  for (; i + kLanes <= count; i += kLanes) sum[0] += term(load(x + i));
  if (i < count) sum[1] += term(load_partial(x + i, count - i, fill));
  return sum_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/// y = (x - mean) * factor * (offset + multiply) + add.
SINTER_INLINE void scale_row(
    const NormTask& task, const float* x, float mean, float factor, float* y) {
  const auto apply = [&](Vec values, Vec multiply, Vec add) {
    return (values - mean) * factor * (multiply + task.offset) + add;
  };
  std::int64_t i = 0;
  for (; i + kLanes <= task.count; i += kLanes) {
    const Vec multiply = task.multiply == nullptr ? Vec{} : load(task.multiply + i);
    const Vec add = task.add == nullptr ? Vec{} : load(task.add + i);
    store(y + i, apply(load(x + i), multiply, add));
  }
  if (i == task.count) return;
  const std::int64_t rest = task.count - i;
  const Vec multiply =
      task.multiply == nullptr ? Vec{} : load_partial(task.multiply + i, rest, 0.0F);
  const Vec add = task.add == nullptr ? Vec{} : load_partial(task.add + i, rest, 0.0F);
  store_partial(y + i, apply(load_partial(x + i, rest, 0.0F), multiply, add), rest);
}

void layer_norm(const NormTask& task) {
  const float count = static_cast<float>(task.count);
  for (std::int64_t r = 0; r < task.rows; ++r) {
    const float* x = task.x + r * task.x_stride;
    const float mean = sum_row(x, task.count, 0.0F, [](Vec v) { return v; }) / count;
    const float squares =
        sum_row(x, task.count, mean, [mean](Vec v) { return (v - mean) * (v - mean); });
    const float factor = 1.0F / __builtin_sqrtf(squares / count + task.eps);
    scale_row(task, x, mean, factor, task.y + r * task.y_stride);
  }
}

void rms_norm(const NormTask& task) {
  const float count = static_cast<float>(task.count);
  for (std::int64_t r = 0; r < task.rows; ++r) {
    const float* x = task.x + r * task.x_stride;
    const float squares = sum_row(x, task.count, 0.0F, [](Vec v) { return v * v; });
    const float factor = 1.0F / __builtin_sqrtf(squares / count + task.eps);
    scale_row(task, x, 0.0F, factor, task.y + r * task.y_stride);
  }
}

}  // namespace
}  // namespace sinter::cpu
