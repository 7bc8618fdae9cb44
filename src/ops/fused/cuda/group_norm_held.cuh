#pragma once
// Groups that a block, or a cluster of blocks, holds in registers: x is read once, and nothing but
// y is written.

#include "ops/fused/cuda/group_norm.cuh"

namespace sinter::fused::cuda {

namespace {

constexpr int kMostHeldThreads = 1024, kMostCluster = 8;

__device__ __forceinline__ void cluster_arrive() {
  asm volatile("barrier.cluster.arrive.aligned;" ::: "memory");
}
__device__ __forceinline__ void cluster_wait() {
  asm volatile("barrier.cluster.wait.aligned;" ::: "memory");
}
/// `value` to where `to` lies in block `rank` of the cluster.
__device__ __forceinline__ void store_at_peer(float2* to, int rank, float2 value) {
  const auto local = static_cast<std::uint32_t>(__cvta_generic_to_shared(to));
  asm volatile(
      "{\n.reg .b32 there;\nmapa.shared::cluster.u32 there, %0, %1;\n"
      "st.shared::cluster.v2.f32 [there], {%2, %3};\n}\n" ::"r"(local),
      "r"(rank),
      "f"(value.x),
      "f"(value.y)
      : "memory");
}

/// Sums over the blocks of a cluster, the same in every thread.
__device__ __forceinline__ ShiftedSums sum_over_cluster(ShiftedSums sums, int cluster, int rank) {
  __shared__ float2 of_warps[kMostHeldThreads / kWarp], of_blocks[kMostCluster];
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp,
            lane = static_cast<int>(threadIdx.x) % kWarp;
  sums.over_lanes();
  if (warps > 1) {
    if (lane == 0) of_warps[warp] = {sums.sum, sums.squares};
    __syncthreads();
    const float2 mine = lane < warps ? of_warps[lane] : float2{0.0F, 0.0F};
    sums = {mine.x, mine.y};
    sums.over_lanes();
  }
  if (cluster > 1) {
    cluster_wait();  // every block of the cluster has begun
    if (warp == 0 && lane < cluster)
      store_at_peer(&of_blocks[rank], lane, {sums.sum, sums.squares});
    cluster_arrive();
    cluster_wait();
    sums = {};
    for (int i = 0; i < cluster; ++i) {
      sums.sum += of_blocks[i].x;
      sums.squares += of_blocks[i].y;
    }
  }
  return sums;
}

/// A cluster a group, Vectors vectors a thread. positions is a multiple of a vector, so that every
/// vector lies in one channel and starts at 16 bytes.
template <class T, int Vectors>
__global__ void __launch_bounds__(kMostHeldThreads)
    held_kernel(const GroupNormArgs<T> p, const int cluster) {
  const int block = static_cast<int>(blockIdx.x);
  const int group = block / cluster, rank = block % cluster;
  const int threads = static_cast<int>(blockDim.x), elements = static_cast<int>(p.elements);
  const T* const x = p.x + group * p.elements;
  T* const y = p.y + group * p.elements;
  const int first = (rank * threads * Vectors + static_cast<int>(threadIdx.x)) * kVector;
  if (cluster > 1) cluster_arrive();

  RawVector<T> raw[Vectors];
#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    const int at = first + i * threads * kVector;
    if (at < elements) raw[i] = load_raw(x + at);
  }
  // Early, where there are registers for it.
  constexpr bool kEarly = Vectors <= 2;
  const int first_channel = group % p.groups * p.group_channels;
  const auto positions = static_cast<unsigned>(p.positions);
  const auto weights_at = [&](int at) {
    return weights_of(p, first_channel + static_cast<int>(static_cast<unsigned>(at) / positions));
  };
  Affine weights[kEarly ? Vectors : 1];
  if constexpr (kEarly) {
#pragma unroll
    for (int i = 0; i < Vectors; ++i) {
      const int at = first + i * threads * kVector;
      if (at < elements) weights[i] = weights_at(at);
    }
  }
  const float pivot = to_float(*x);
  ShiftedSums sums;
#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    if (first + i * threads * kVector >= elements) continue;
    float value[kVector];
    unpack_vector(raw[i], value);
#pragma unroll
    for (const float v : value) sums.add(v, pivot);
  }
  const auto count = static_cast<float>(elements);
  const Statistics stats =
      statistics(sum_over_cluster(sums, cluster, rank).moments(pivot, count), count, p.eps);

#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    const int at = first + i * threads * kVector;
    if (at >= elements) continue;
    float value[kVector];
    unpack_vector(raw[i], value);
    if constexpr (kEarly) {
      finish(value, folded(weights[i], stats), p.silu);
    } else {
      finish(value, folded(weights_at(at), stats), p.silu);
    }
    store_vector(y + at, value);
  }
}

/// The same for any alignment and any positions: element by element.
template <class T, int Elements>
__global__ void __launch_bounds__(kMostHeldThreads)
    held_elements_kernel(const GroupNormArgs<T> p, const int cluster) {
  const int block = static_cast<int>(blockIdx.x);
  const int group = block / cluster, rank = block % cluster;
  const int threads = static_cast<int>(blockDim.x), elements = static_cast<int>(p.elements);
  const T* const x = p.x + group * p.elements;
  T* const y = p.y + group * p.elements;
  const int first = rank * threads * Elements + static_cast<int>(threadIdx.x);
  if (cluster > 1) cluster_arrive();

  T held[Elements];
#pragma unroll
  for (int i = 0; i < Elements; ++i) {
    if (first + i * threads < elements) held[i] = x[first + i * threads];
  }
  constexpr bool kEarly = Elements <= 2;
  const int first_channel = group % p.groups * p.group_channels;
  const auto positions = static_cast<unsigned>(p.positions);
  const auto weights_at = [&](int at) {
    return weights_of(p, first_channel + static_cast<int>(static_cast<unsigned>(at) / positions));
  };
  Affine weights[kEarly ? Elements : 1];
  if constexpr (kEarly) {
#pragma unroll
    for (int i = 0; i < Elements; ++i)
      if (first + i * threads < elements) weights[i] = weights_at(first + i * threads);
  }
  const float pivot = to_float(*x);
  ShiftedSums sums;
#pragma unroll
  for (int i = 0; i < Elements; ++i) {
    if (first + i * threads < elements) sums.add(to_float(held[i]), pivot);
  }
  const auto count = static_cast<float>(elements);
  const Statistics stats =
      statistics(sum_over_cluster(sums, cluster, rank).moments(pivot, count), count, p.eps);

#pragma unroll
  for (int i = 0; i < Elements; ++i) {
    const int at = first + i * threads;
    if (at >= elements) continue;
    float value[1] = {to_float(held[i])};
    if constexpr (kEarly) {
      finish(value, folded(weights[i], stats), p.silu);
    } else {
      finish(value, folded(weights_at(at), stats), p.silu);
    }
    y[at] = from_float<T>(value[0]);
  }
}

/// Groups of a few channels with one position each, a thread a group: where a launch is nearly all
/// that there is to wait for, meeting other threads would be a third of the rest. A column of
/// blocks a sample.
template <class T, class Weight, int Elements>
__global__ void __launch_bounds__(kWarp) few_elements_kernel(const GroupNormArgs<T> p) {
  const int group = static_cast<int>(blockIdx.x * kWarp + threadIdx.x);
  if (group >= p.groups) return;
  const int channel = group * p.group_channels;
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.y) * p.channels() + channel;
  // Loads alone, nothing that would wait for one of them before the next is asked for.
  T held[Elements];
  Weight weight[Elements], bias[Elements];
#pragma unroll
  for (int i = 0; i < Elements; ++i)
    if (i < p.group_channels) held[i] = p.x[begin + i];
  if (p.affine) {
#pragma unroll
    for (int i = 0; i < Elements; ++i) {
      if (i >= p.group_channels) continue;
      weight[i] = static_cast<const Weight*>(p.weight)[channel + i];
      bias[i] = static_cast<const Weight*>(p.bias)[channel + i];
    }
  }
  ShiftedSums sums;
#pragma unroll
  for (int i = 0; i < Elements; ++i)
    if (i < p.group_channels) sums.add(to_float(held[i]), to_float(held[0]));
  const auto count = static_cast<float>(p.group_channels);
  const Statistics stats = statistics(sums.moments(to_float(held[0]), count), count, p.eps);
#pragma unroll
  for (int i = 0; i < Elements; ++i) {
    if (i >= p.group_channels) continue;
    const Affine weights =
        p.affine ? Affine{to_float(weight[i]), to_float(bias[i])} : Affine{1.0F, 0.0F};
    float value[1] = {to_float(held[i])};
    finish(value, folded(weights, stats), p.silu);
    p.y[begin + i] = from_float<T>(value[0]);
  }
}

}  // namespace

}  // namespace sinter::fused::cuda
