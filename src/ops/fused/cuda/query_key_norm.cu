#include "ops/fused/cuda/query_key_norm.cuh"
#include "ops/fused/cuda/query_key_norm.h"

namespace sinter::fused::cuda {

namespace {

HeadSide side_of(const QueryKeyNorm& op, const Array& x, const Array& weight) {
  HeadSide side;
  if (!x.present()) return side;
  const std::int64_t tokens = x.shape[0] * x.shape[1], heads = x.shape[2], dim = x.shape[3];
  side.data = x.data;
  side.sample_stride = x.strides[0];
  side.token_stride = x.strides[1];
  side.head_stride = x.strides[2];
  side.weight = weight.data;
  side.heads = static_cast<int>(heads);
  const std::int64_t norms = op.whole_row ? tokens : tokens * heads;
  const std::int64_t columns = op.whole_row ? heads * dim : dim;
  side.order = mean_order(norms, columns);
  side.warp_order = is_warp_order(side.order, columns);
  return side;
}

HeadRotation rotation_of(const QueryKeyNorm& op) {
  HeadRotation r;
  if (!op.table.present()) return r;
  r.table = static_cast<const float*>(op.table.data);
  r.stride = op.table.strides[0];
  r.rows = op.table.shape[0];
  r.rotary = static_cast<int>(op.table.shape[1]);
  r.positions = op.positions.data;
  r.wide_positions = op.positions.type == ElementType::i64;
  r.first = op.first_token;
  r.end = op.tokens < 0 ? op.q.shape[1] : op.first_token + op.tokens;
  r.halves = op.pairs == RotaryPairs::halves;
  r.aligned = is_aligned(op.table, 16) && r.rotary % 8 == 0;
  return r;
}

/// PyTorch adds the squares of a head vector by one warp's threads.
bool fits_a_warp(const HeadSide& side) {
  return side.heads == 0 || (side.order.height == 1 && side.order.width <= ops::cuda::kWarp);
}

}  // namespace

void query_key_norm(const QueryKeyNorm& op, cudaStream_t stream) {
  HeadTask task;
  task.q = side_of(op, op.q, op.q_weight);
  task.k = side_of(op, op.k, op.k_weight);
  task.rotation = rotation_of(op);
  task.tokens = Divisor(op.q.shape[1]);
  task.count = op.q.shape[0] * op.q.shape[1];
  task.dim = static_cast<int>(op.q.shape[3]);
  task.eps = op.eps;
  task.normalize = op.normalize;
  task.weight_is_f32 = op.q_weight.type == ElementType::f32;
  task.rms_norm = op.weight_in_f32 && (!op.q_weight.present() || op.q_weight.type == op.q.type);
  task.round_before_weight = !op.weight_in_f32;
  const bool exact = op.rounding == Rounding::exact;
  const bool whole_row = op.normalize && op.whole_row;
  const bool by_block =
      exact && op.normalize && !task.rms_norm && !(fits_a_warp(task.q) && fits_a_warp(task.k));
  if (whole_row || by_block) return launch_rows(task, op.q.type, exact, whole_row, stream);
  launch_heads(task, op.q.type, exact, stream);
}

}  // namespace sinter::fused::cuda
