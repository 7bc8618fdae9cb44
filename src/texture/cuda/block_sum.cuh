#pragma once
// Sums over the threads of a block, always in the same order.

namespace sinter::texture::cuda {

/// Each of `values` becomes its sum over the block's kCount threads, in thread 0. All threads of
/// the block call it, not twice without a barrier between.
template <int kCount, int kValues>
__device__ void sum_of_block(double (&values)[kValues]) {
  constexpr unsigned kAllLanes = 0xffffffff;
  constexpr int kWarps = kCount / 32;
  __shared__ double of_warp[kWarps][kValues];
  for (int v = 0; v < kValues; ++v) {
    for (int apart = 16; apart > 0; apart /= 2) {
      values[v] += __shfl_down_sync(kAllLanes, values[v], apart);
    }
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32][v] = values[v];
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int warp = 1; warp < kWarps; ++warp) {
    for (int v = 0; v < kValues; ++v) values[v] += of_warp[warp][v];
  }
}

}  // namespace sinter::texture::cuda
