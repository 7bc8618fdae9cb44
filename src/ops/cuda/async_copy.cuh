#pragma once
// Shared-memory barriers and the tensor copy engine of Hopper. PTX ISA, "mbarrier" and
// "cp.async.bulk.tensor".

#include <cuda.h>

#include <cstdint>

#include "ops/cuda/wgmma.cuh"

namespace sinter::ops::cuda {

/// A barrier in shared memory. It passes through phases; a wait names the parity of the phase that
/// must be over. A wait for parity 1 on a new barrier returns at once.
struct Barrier {
  std::uint64_t word;

  __device__ __forceinline__ void init(int arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(&word)),
                 "r"(arrivals));
  }
  __device__ __forceinline__ void arrive() {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(&word))
                 : "memory");
  }
  /// Arrives, and holds the phase open until that many bytes were copied.
  __device__ __forceinline__ void arrive_expecting(int bytes) {
    asm volatile(
        "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(&word)),
        "r"(bytes)
        : "memory");
  }
  __device__ __forceinline__ void wait(int parity) {
    asm volatile(
        "{\n.reg .pred over;\nAGAIN:\nmbarrier.try_wait.parity.shared::cta.b64 over, [%0], %1;\n"
        "@over bra DONE;\nbra AGAIN;\nDONE:\n}\n" ::"r"(shared_address(&word)),
        "r"(parity)
        : "memory");
  }
};

/// Makes new barriers visible to the copy engine.
__device__ __forceinline__ void fence_barrier_init() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

/// Copies the box at (x, y, z) of the map to shared memory; its bytes count towards the barrier.
__device__ __forceinline__ void copy_box(
    void* to, const CUtensorMap& map, Barrier& barrier, int x, int y, int z) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, "
      "%4, %5}], [%2];" ::"r"(shared_address(to)),
      "l"(&map),
      "r"(shared_address(&barrier.word)),
      "r"(x),
      "r"(y),
      "r"(z)
      : "memory");
}

/// Named barriers of a block: `threads` counts those that sync and those that arrive.
__device__ __forceinline__ void named_sync(int barrier, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}
__device__ __forceinline__ void named_arrive(int barrier, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}

}  // namespace sinter::ops::cuda
