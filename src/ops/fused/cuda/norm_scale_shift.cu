#include "ops/fused/cuda/norm_plan.h"
#include "ops/fused/cuda/rows.cuh"

namespace sinter::fused::cuda {

namespace {

/// What PyTorch computes statistics from: x itself, or what an operator before the norm made of it.
bool starts_at_vectors(const NormScaleShift& op, ElementType type) {
  const auto starts = [&](const Array& a) {
    return reinterpret_cast<std::uintptr_t>(a.data) % (4 * size_of(dtype_of(a.type))) == 0;
  };
  const auto made = [&](const Array& a) { return a.type != type || !is_contiguous(a); };
  return (op.residual.present() || made(op.x) || starts(op.x)) &&
         (!op.weight.present() || made(op.weight) || starts(op.weight)) &&
         (!op.bias.present() || made(op.bias) || starts(op.bias));
}

NormPlan plan_of(const NormScaleShift& op, const NormRows& rows) {
  NormPlan plan{.op = op, .rows = rows};
  const bool layer = op.kind == NormKind::layer, weighted = op.weight.present();
  const bool fast = op.rounding == Rounding::fast;  // any order will do
  const ElementType type =
      layer && weighted && op.weight.type == ElementType::f32 ? ElementType::f32 : op.norm_type;
  // rms_norm has a kernel of its own where the weight has its type, else is written out.
  if (layer || fast || (op.weight_in_f32 && (!weighted || op.weight.type == type))) {
    const NormOrder order = norm_order(rows.x.columns, fast || starts_at_vectors(op, type));
    plan.statistics = order == NormOrder::vectors ? Statistics::vectors : Statistics::single;
  } else {
    plan.statistics = Statistics::mean;
    plan.mean = mean_order(plan.row_count(), rows.x.columns);
  }
  return plan;
}

/// All vectors have that type.
bool all_of(const NormScaleShift& op, ElementType type) {
  for (const Array* v : {&op.weight, &op.bias, &op.gate, &op.scale, &op.shift})
    if (v->present() && v->type != type) return false;
  return true;
}

template <class T>
bool run_held(const NormPlan& plan, cudaStream_t stream) {
  if (all_of(plan.op, plan.op.x.type)) return run_held_rows<T, T>(plan, stream);
  if constexpr (!std::is_same_v<T, float>) {
    if (all_of(plan.op, ElementType::f32)) return run_held_rows<T, float>(plan, stream);
  }
  return false;
}

}  // namespace

std::string refuse_order(const NormScaleShift& op, const NormRows& rows) {
  const NormPlan plan = plan_of(op, rows);
  if (plan.mean.one_block) return {};
  return unlike("x", "fewer than 2^17 columns for an exact rms norm on a device", op.x);
}

void norm_scale_shift(const NormScaleShift& op, const NormRows& rows, cudaStream_t stream) {
  const NormPlan plan = plan_of(op, rows);
  ops::cuda::with_element(dtype_of(op.x.type), "norm", [&](auto element) {
    if (!run_held<decltype(element)>(plan, stream)) run_any_rows(plan, stream);
  });
}

}  // namespace sinter::fused::cuda
