#pragma once
// What the kernels of the norms are told: operands, options, and the order that statistics take.

#include "ops/fused/cuda/norm_scale_shift.h"
#include "ops/fused/cuda/torch_order.h"

namespace sinter::fused::cuda {

enum class Statistics : std::uint8_t {
  vectors,  ///< as NormOrder::vectors
  single,   ///< as NormOrder::single
  mean,     ///< rms alone: as torch.mean
};

struct NormPlan {
  const NormScaleShift& op;
  const NormRows& rows;
  Statistics statistics = Statistics::vectors;
  MeanOrder mean{};

  std::int64_t row_count() const { return rows.x.samples * rows.x.tokens; }
};

/// The norm of rows that threads hold in registers: x of T, every vector of V. False where no such
/// kernel fits; then nothing was queued.
template <class T, class V>
bool run_held_rows(const NormPlan& plan, cudaStream_t stream);

/// The norm of any rows, read three times.
void run_any_rows(const NormPlan& plan, cudaStream_t stream);

}  // namespace sinter::fused::cuda
