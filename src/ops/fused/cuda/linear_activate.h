#pragma once
// The device's side of fused/linear_activate.cpp.

#include <cuda_runtime.h>

#include "ops/fused/array.h"

namespace sinter::fused::cuda {

/// Bytes of scratch memory that a product takes on a device.
std::size_t linear_scratch_bytes();

/// Empty, or why there are no products on this machine: cuBLASLt is missing.
std::string refuse_products();

/// Queues what refusal() lets through. What is known of cuBLASLt's algorithms is kept a device and
/// lives as long as the process.
void linear_activate(const LinearActivate& op, std::int64_t rows, cudaStream_t stream);

}  // namespace sinter::fused::cuda
