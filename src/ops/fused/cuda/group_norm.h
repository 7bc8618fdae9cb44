#pragma once
// The device's side of fused/group_norm.cpp.

#include <cuda_runtime.h>

#include <cstddef>

#include "core/dtype.h"
#include "ops/fused/group_shape.h"

namespace sinter::fused::cuda {

struct GroupNormTask {
  const void* x = nullptr;
  void* y = nullptr;
  const void *weight = nullptr, *bias = nullptr;  ///< both or none
  bool wide_weights = false;                      ///< weight and bias are f32, else of x's type
  GroupShape shape;
  float eps = 0;
  bool silu = true, exact = true;
  void* scratch = nullptr;  ///< scratch_layout(shape).bytes: group_norm_plan.h
};

/// Each queues what refusal() lets through, for x of its type, on the current device.
void group_norm_silu_f32(const GroupNormTask& task, cudaStream_t stream);
void group_norm_silu_f16(const GroupNormTask& task, cudaStream_t stream);
void group_norm_silu_bf16(const GroupNormTask& task, cudaStream_t stream);

}  // namespace sinter::fused::cuda
