#pragma once
// Attention of one block of queries: block after block of keys with a running maximum and sum.
//
// Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018); Dao et al.,
// "FlashAttention" (2022). Logits are kept in units of log2, so that the exponential is 2^t.

#include "cpu/kernels/gemm.h"

namespace sinter::cpu {
namespace {

/// Where the parts of a block lie in the scratch.
struct AttendState {
  std::int64_t padded;  ///< dim, rounded up to whole panels
  float* q;             ///< [rows][padded], scaled
  float* sums;          ///< [rows][padded]
  float* logits;        ///< [rows][kKeyBlock]
  float* top;           ///< [rows] running maximum
  float* total;         ///< [rows] running sum of the weights
};

inline void copy_scaled(const float* src, float scale, std::int64_t count, float* dst) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(dst + i, load(src + i) * scale);
  for (; i < count; ++i) dst[i] = src[i] * scale;
}

/// logits = q k^T for keys [from, from + count); columns up to the end of the panel become
/// -infinity.
inline void block_logits(const AttendTask& task,
                         const AttendState& state,
                         std::int64_t from,
                         std::int64_t count) {
  const std::int64_t end = (count + kPanel - 1) / kPanel * kPanel;
  for (std::int64_t column = 0; column < end; column += kPanel) {
    const float* panel = task.k + (from + column) * task.dim;
    multiply_panel(task.rows,
                   task.dim,
                   state.q,
                   state.padded,
                   panel,
                   state.logits + column,
                   kKeyBlock,
                   false,
                   panel + task.dim * kPanel,
                   [](std::int64_t, std::int64_t) {});
  }
  for (std::int64_t r = 0; r < task.rows; ++r) {
    float* row = state.logits + r * kKeyBlock;
    if (from == 0) row[0] += task.first_bias;
    for (std::int64_t key = count; key < end; ++key) row[key] = -__builtin_inff();
  }
}

/// Turns the logits of `end` columns (whole panels) into weights relative to the new maximum, and
/// rescales what was summed before.
inline void block_weights(const AttendTask& task, const AttendState& state, std::int64_t end) {
  for (std::int64_t r = 0; r < task.rows; ++r) {
    float* row = state.logits + r * kKeyBlock;
    Vec largest[2] = {load(row), load(row + kLanes)};
    for (std::int64_t key = 2 * kLanes; key < end; key += 2 * kLanes) {
      largest[0] = vmax(largest[0], load(row + key));
      largest[1] = vmax(largest[1], load(row + key + kLanes));
    }
    const float block_top = max_lanes(vmax(largest[0], largest[1]));
    const float top = block_top > state.top[r] ? block_top : state.top[r];
    const float decay = exp2_nonpositive(splat(state.top[r] - top))[0];
    Vec sum[2] = {};
    for (std::int64_t key = 0; key < end; key += 2 * kLanes) {
      const Vec low = exp2_nonpositive(load(row + key) - top);
      const Vec high = exp2_nonpositive(load(row + key + kLanes) - top);
      store(row + key, low);
      store(row + key + kLanes, high);
      sum[0] += low;
      sum[1] += high;
    }
    state.top[r] = top;
    state.total[r] = state.total[r] * decay + sum_lanes(sum[0] + sum[1]);
    float* sums = state.sums + r * state.padded;
    for (std::int64_t i = 0; i < state.padded; i += kLanes) store(sums + i, load(sums + i) * decay);
  }
}

/// sums += weights v for keys [from, from + count).
inline void block_values(const AttendTask& task,
                         const AttendState& state,
                         std::int64_t from,
                         std::int64_t count) {
  for (std::int64_t column = 0; column < state.padded; column += kPanel) {
    const float* panel = task.v + column * task.keys + from * kPanel;
    multiply_panel(task.rows,
                   count,
                   state.logits,
                   kKeyBlock,
                   panel,
                   state.sums + column,
                   state.padded,
                   true,
                   panel + count * kPanel,
                   [](std::int64_t, std::int64_t) {});
  }
}

void attend(const AttendTask& task) {
  AttendState state;
  state.padded = (task.dim + kPanel - 1) / kPanel * kPanel;
  state.q = task.scratch;
  state.sums = state.q + kQueryBlock * state.padded;
  state.logits = state.sums + kQueryBlock * state.padded;
  state.top = state.logits + kQueryBlock * kKeyBlock;
  state.total = state.top + kQueryBlock;
  for (std::int64_t r = 0; r < task.rows; ++r) {
    copy_scaled(task.q + r * task.q_stride, task.scale, task.dim, state.q + r * state.padded);
    state.top[r] = -__builtin_inff();
    state.total[r] = 0.0F;
    for (std::int64_t i = 0; i < state.padded; ++i) state.sums[r * state.padded + i] = 0.0F;
  }
  for (std::int64_t from = 0; from < task.keys; from += kKeyBlock) {
    const std::int64_t count = task.keys - from < kKeyBlock ? task.keys - from : kKeyBlock;
    block_logits(task, state, from, count);
    block_weights(task, state, (count + kPanel - 1) / kPanel * kPanel);
    block_values(task, state, from, count);
  }
  for (std::int64_t r = 0; r < task.rows; ++r) {
    copy_scaled(state.sums + r * state.padded,
                1.0F / state.total[r],
                task.dim,
                task.dst + r * task.dst_stride);
  }
}

}  // namespace
}  // namespace sinter::cpu
