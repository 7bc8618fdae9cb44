#pragma once
// Which kernel a norm of rows takes that fit into registers: a warp a row, or a block of four where
// rows are long or few.

#include "cuda/status.h"
#include "ops/fused/cuda/norm_held_kernel.cuh"
#include "ops/fused/cuda/norm_plan.h"

namespace sinter::fused::cuda {

namespace {

/// As `Full` in held_kernel() has it.
bool has_one_pair(const NormPlan& plan) {
  const NormRows& rows = plan.rows;
  const auto is_vector = [](const Modulation& m) {
    return m.data != nullptr && m.column_stride != 0;
  };
  if (rows.scale.data == nullptr) return rows.weight.data != nullptr;
  return rows.weight.data == nullptr && is_vector(rows.scale) && is_vector(rows.shift);
}

template <class T, class V>
HeldNorm<T, V> held_norm(const NormPlan& plan) {
  const NormScaleShift& op = plan.op;
  const NormRows& rows = plan.rows;
  HeldNorm<T, V> task{
      .x = strided<const T>(op.x, rows.x),
      .residual = strided<const T>(op.residual, rows.residual),
      .y = strided<T>(op.y, rows.y),
      .sum = strided<T>(op.sum, rows.sum),
      .weight = HeldVector<V>(rows.weight),
      .bias = HeldVector<V>(rows.bias),
      .gate = HeldVector<V>(rows.gate),
      .scale = HeldVector<V>(rows.scale),
      .shift = HeldVector<V>(rows.shift),
      .tokens = Divisor(rows.x.tokens),
      .rows = static_cast<unsigned>(plan.row_count()),
      .columns = static_cast<int>(rows.x.columns),
      .vectors = static_cast<int>(rows.x.columns / kFour),
      .eps = op.eps,
      .mean_factor = plan.mean.factor,
      .equal = rows.x.columns % (kTorchNormThreads * kFour) == 0,
      .count = static_cast<float>(rows.x.columns / kTorchNormThreads),
      .share = 0.0F,
      .rms = op.kind == NormKind::rms,
      .exact = op.rounding == Rounding::exact,
      .round_norm = op.norm_type != ElementType::f32,
      .one_pair = has_one_pair(plan),
      .weight_after = op.kind == NormKind::rms && op.weight.present() && !op.weight_in_f32};
  task.share = task.count * (1.0F / (2.0F * task.count));
  return task;
}

/// Every row and vector starts at a multiple of four of its elements.
bool in_fours(const NormPlan& plan) {
  const NormScaleShift& op = plan.op;
  const auto four = [](const Array& a) { return 4 * size_of(dtype_of(a.type)); };
  for (const Array* a : {&op.x, &op.residual, &op.y, &op.sum})
    if (a->present() && !is_aligned(*a, four(*a))) return false;
  for (const auto& [v, m] : {std::pair{&op.weight, &plan.rows.weight},
                             {&op.bias, &plan.rows.bias},
                             {&op.gate, &plan.rows.gate},
                             {&op.scale, &plan.rows.scale},
                             {&op.shift, &plan.rows.shift}}) {
    if (v->present() && m->column_stride != 0 &&
        (reinterpret_cast<std::uintptr_t>(v->data) % four(*v) != 0 ||
         m->sample_stride % kFour != 0 || m->token_stride % kFour != 0))
      return false;
  }
  return plan.rows.x.columns % kFour == 0;
}

template <int... Each>
using Slots = std::integer_sequence<int, Each...>;

/// The kernel with the first of the numbers of slots that `fits`.
template <class T,
          class V,
          Order O,
          int Warps,
          bool Full,
          bool Gated,
          Ahead A = Ahead::no,
          class Fits,
          int... Each>
bool launch_held(const NormPlan& plan, Fits fits, Slots<Each...>, cudaStream_t stream) {
  const auto try_one = [&]<int kSlots>() {
    // More registers of elements would not leave enough to work with.
    constexpr int kRegisters = kSlots * static_cast<int>(sizeof(T)) * (Gated ? 2 : 1);
    // What static shared memory there is.
    constexpr bool kRowFits = O != Order::mean || Warps == 1 ||
                              kSlots * kHeldThreads * kFour * sizeof(T) <= std::size_t{40} << 10;
    if constexpr (kRegisters <= 128 && kRowFits) {
      const HeldNorm<T, V> task = held_norm<T, V>(plan);
      if (!fits(kSlots) || (kSlots > kMostOfAnyPair && !task.one_pair)) return false;
      held_kernel<T, V, O, Warps, kSlots, Full, Gated, A>
          <<<ops::cuda::blocks_for(task.rows, kHeldThreads / (kWarp * Warps)),
             kHeldThreads,
             0,
             stream>>>(task);
      sinter::cuda::check_launch("norm");
      return true;
    } else {
      return false;
    }
  };
  return (try_one.template operator()<Each>() || ...);
}

template <class T, class V, Order O, bool Gated>
bool launch_order(const NormPlan& plan, cudaStream_t stream) {
  constexpr std::int64_t kTurn = kTorchNormThreads * kFour;  // columns in a slot of four warps
  constexpr std::int64_t kFewRows = 2048;                    // fewer warps leave processors idle
  const std::int64_t columns = plan.rows.x.columns, turns = (columns + kTurn - 1) / kTurn;
  const bool full = columns % kTurn == 0 && has_one_pair(plan);
  const bool few = plan.row_count() < kFewRows;
  const auto is = [&](int slots) { return full && turns == slots; };
  const auto holds = [&](int slots) { return turns <= slots; };
  // With a residual there is enough to wait for without many rows.
  if constexpr (!Gated) {
    const auto alone = [&](int slots) { return full && 4 * turns == slots; };
    const auto holds_alone = [&](int slots) { return 4 * turns <= slots; };
    if (!few && (launch_held<T, V, O, 1, true, Gated, Ahead::shared>(
                     plan, alone, Slots<4, 8, 12>{}, stream) ||
                 launch_held<T, V, O, 1, false, Gated>(plan, holds_alone, Slots<8>{}, stream)))
      return true;
  }
  // Few rows wait for every load that is not on its way.
  if (launch_held<T, V, O, 4, true, Gated, Ahead::registers>(
          plan, is, Slots<1, 2, 3, 4, 8>{}, stream) ||
      (few &&
       launch_held<T, V, O, 4, true, Gated, Ahead::registers>(plan, is, Slots<6, 10>{}, stream)))
    return true;
  // torch.mean has another order from 8192 columns on.
  using Even = std::conditional_t<O == Order::mean, Slots<6, 10>, Slots<6, 10, 16, 32>>;
  using Ragged = std::conditional_t<O == Order::mean, Slots<4, 8, 12>, Slots<4, 8, 12, 32>>;
  return launch_held<T, V, O, 4, true, Gated>(plan, is, Even{}, stream) ||
         launch_held<T, V, O, 4, false, Gated>(plan, holds, Ragged{}, stream);
}

}  // namespace

template <class T, class V>
bool run_held_rows(const NormPlan& plan, cudaStream_t stream) {
  if (!in_fours(plan)) return false;
  const auto run = [&]<Order kOrder>() {
    return plan.op.residual.present() ? launch_order<T, V, kOrder, true>(plan, stream)
                                      : launch_order<T, V, kOrder, false>(plan, stream);
  };
  switch (plan.statistics) {
    case Statistics::vectors:
      return run.template operator()<Order::vectors>();
    case Statistics::mean:
      return is_warp_order(plan.mean, plan.rows.x.columns) &&
             run.template operator()<Order::mean>();
    case Statistics::single:
      return false;
  }
  return false;
}

}  // namespace sinter::fused::cuda
