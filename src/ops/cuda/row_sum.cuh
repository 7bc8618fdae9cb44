#pragma once
// Sums over the threads that share a row.

namespace sinter::ops::cuda {

inline constexpr int kWarp = 32;

/// Sum over the `Lanes` neighbouring lanes that share a row, the same for each of them.
template <int Lanes>
__device__ __forceinline__ float lanes_sum(float x) {
#pragma unroll
  for (int lanes = Lanes / 2; lanes > 0; lanes /= 2) x += __shfl_xor_sync(~0U, x, lanes);
  return x;
}

/// Sum over the RowWarps neighbouring warps of a row, the same for each of its threads; all Threads
/// of the block take part. `Use` tells the uses in one kernel apart.
template <int Threads, int RowWarps, int Use>
__device__ __forceinline__ float row_sum(float x) {
  x = lanes_sum<kWarp>(x);
  if constexpr (RowWarps > 1) {
    __shared__ float partial[Threads / kWarp];
    const int warp = static_cast<int>(threadIdx.x) / kWarp, first = warp / RowWarps * RowWarps;
    if (threadIdx.x % kWarp == 0) partial[warp] = x;
    __syncthreads();
    x = 0.0F;
#pragma unroll
    for (int i = 0; i < RowWarps; ++i) x += partial[first + i];
  }
  return x;
}

}  // namespace sinter::ops::cuda
