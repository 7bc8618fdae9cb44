#pragma once
// Contiguous bytes by Hopper's copy engine. PTX ISA, "cp.async.bulk".

#include "ops/cuda/async_copy.cuh"

namespace sinter::fused::cuda {

using ops::cuda::Barrier;

/// A multiple of 16 bytes from global to shared memory, both aligned to that; they count towards
/// the barrier.
__device__ __forceinline__ void copy_bytes(void* to,
                                           const void* from,
                                           int bytes,
                                           Barrier& barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(ops::cuda::shared_address(to)),
      "l"(from),
      "r"(bytes),
      "r"(ops::cuda::shared_address(&barrier.word))
      : "memory");
}

}  // namespace sinter::fused::cuda
