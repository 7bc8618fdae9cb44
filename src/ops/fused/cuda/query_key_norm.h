#pragma once
// The device's side of fused/query_key_norm.cpp.

#include <cuda_runtime.h>

#include "ops/fused/array.h"

namespace sinter::fused::cuda {

/// Elements of one norm that the kernels hold in registers: of a head, and of all of a token.
inline constexpr std::int64_t kMostHeadDim = 1024;
inline constexpr std::int64_t kMostRowColumns = 16384;

/// Queues what refusal() lets through.
void query_key_norm(const QueryKeyNorm& op, cudaStream_t stream);

}  // namespace sinter::fused::cuda
