#pragma once
// Sets of things that grow together, without locks (after Jaiganesh and Burtscher, "A
// High-Performance Connected Components Implementation for GPUs", HPDC 2018). The smallest thing
// represents its set, so the result does not depend on the order of the joins.
//
// `parent`: by thing, at first itself.

#include <cstdint>

namespace sinter::mesh::cuda {

/// The least thing of x's set, as far as sets are joined by now.
__device__ inline std::uint32_t find(std::uint32_t* parent, std::uint32_t x) {
  for (;;) {
    const std::uint32_t up = __ldcg(parent + x);
    if (up == x) return x;
    const std::uint32_t top = __ldcg(parent + up);
    // Halves the path. Another thread may have stored a smaller ancestor; this is one too.
    if (top != up) __stcg(parent + x, top);
    x = top;
  }
}

/// Makes the sets of x and y one.
__device__ inline void join(std::uint32_t* parent, std::uint32_t x, std::uint32_t y) {
  for (;;) {
    x = find(parent, x);
    y = find(parent, y);
    if (x == y) return;
    const std::uint32_t low = min(x, y), high = max(x, y);
    if (atomicCAS(parent + high, high, low) == high) return;
  }
}

}  // namespace sinter::mesh::cuda
