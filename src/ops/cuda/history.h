#pragma once
// Snapshots, sums of them, measured changes and decisions on the GPU: the kernels behind
// ops/history.h and ops/decision.h, whose semantics they have. All queue on the stream and return.

#include <cuda_runtime.h>

#include <cstdint>

#include "core/dtype.h"
#include "ops/decision.h"

namespace sinter::ops::cuda {

/// `count` values of one of f32, f16, bf16 without gaps.
struct Values {
  void* data = nullptr;
  DType dtype = DType::f32;
  std::int64_t count = 0;
};

/// Row *place mod rows of the table, whose rows have as many values as x.
void store_row(
    const Values& table, std::int64_t rows, const int* place, const Values& x, cudaStream_t stream);

/// weights f32 [rows], on the device.
void weighted_rows(const Values& table,
                   std::int64_t rows,
                   const float* weights,
                   const Values& dst,
                   cudaStream_t stream);

/// Pairs of floats that measure_change() needs to work in.
inline constexpr int kChangeParts = 512;
/// scratch f32 [kChangeParts, 2].
void measure_change(
    const Values& a, const Values& b, float* scratch, float* sums, cudaStream_t stream);

void decide(const DecisionRule& rule, const DecisionTensors& tensors, cudaStream_t stream);

/// The condition of a graph's node = *flag.
void set_condition(cudaGraphConditionalHandle handle, const int* flag, cudaStream_t stream);

}  // namespace sinter::ops::cuda
