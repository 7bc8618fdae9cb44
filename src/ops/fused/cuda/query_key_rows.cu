// QueryKeyNorm where one block takes one norm: that of all heads of a token, or of a head vector
// whose sum PyTorch takes by more than a warp.

#include "cuda/status.h"
#include "ops/fused/cuda/query_key_norm.cuh"
#include "ops/fused/cuda/query_key_norm.h"

namespace sinter::fused::cuda {

namespace {

using ops::cuda::kWarp;
using ops::cuda::lanes_sum;
using ops::cuda::load_raw;
using ops::cuda::RawVector;
using ops::cuda::store_vector;
using ops::cuda::unpack_vector;

constexpr int kMostThreads = 512;
constexpr int kMostGroups = 4;
static_assert(kMostThreads * kMostGroups * kVector == kMostRowColumns);
static_assert(kMostThreads == kTorchRowThreads);

/// Sum over the block's threads, the same for each of them.
__device__ __forceinline__ float block_sum(float x) {
  __shared__ float partial[kMostThreads / kWarp];
  x = lanes_sum<kWarp>(x);
  if (threadIdx.x % kWarp == 0) partial[threadIdx.x / kWarp] = x;
  __syncthreads();
  x = 0.0F;
  for (unsigned i = 0; i < blockDim.x / kWarp; ++i) x += partial[i];
  return x;
}

/// The norm's elements lie at `x`, which all threads see. The same for each thread.
__device__ __forceinline__ float exact_inverse(const HeadTask& task,
                                               const HeadSide& side,
                                               int columns,
                                               const float* x) {
  const auto element = [x](std::int64_t column) { return x[column]; };
  if (task.rms_norm) return block_statistics(columns, true, task.eps, element).inverse;
  if (!side.warp_order) return block_inverse_rms(side.order, columns, 0, task.eps, element);
  __shared__ float inverse;
  if (threadIdx.x < kWarp) {
    float squares[4] = {};
    for (int column = static_cast<int>(threadIdx.x) * 4; column < columns; column += 4 * kWarp) {
      const float4 v = *reinterpret_cast<const float4*>(x + column);
      squares[0] = add_square(squares[0], v.x);
      squares[1] = add_square(squares[1], v.y);
      squares[2] = add_square(squares[2], v.z);
      squares[3] = add_square(squares[3], v.w);
    }
    const float result = warp_inverse_rms(squares, side.order.factor, task.eps);
    if (threadIdx.x == 0) inverse = result;
  }
  __syncthreads();
  return inverse;
}

struct RowPlan {
  Divisor groups_a_head;  // of eight elements
  bool whole_row = true;
};

/// Block column: the norm; block row 0: of q, 1: of k.
template <class T, int Groups, bool Exact>
__global__ void __launch_bounds__(kMostThreads)
    rows_kernel(const __grid_constant__ HeadTask task, const __grid_constant__ RowPlan plan) {
  extern __shared__ float4 shared_memory[];
  float* const staged = reinterpret_cast<float*>(shared_memory);
  const HeadSide& side = blockIdx.y == 0 ? task.q : task.k;
  const int heads = plan.whole_row ? 1 : side.heads;  // of which each has its norm
  const int columns = plan.whole_row ? side.heads * task.dim : task.dim;
  const unsigned index = blockIdx.x / static_cast<unsigned>(heads);
  if (index >= task.count) return;  // one side may have fewer heads
  unsigned token = index;
  const unsigned sample = task.tokens.divide(token);
  T* const data = static_cast<T*>(side.data) + sample * side.sample_stride +
                  token * side.token_stride +
                  blockIdx.x % static_cast<unsigned>(heads) * side.head_stride;
  const int threads = static_cast<int>(blockDim.x), thread = static_cast<int>(threadIdx.x);
  T* from[Groups];
  int in_row[Groups], in_head[Groups];
  RawVector<T> raw[Groups];
#pragma unroll
  for (int g = 0; g < Groups; ++g) {
    unsigned group = static_cast<unsigned>(thread + g * threads);
    in_row[g] = static_cast<int>(group) * kVector;
    if (in_row[g] >= columns) continue;
    const unsigned head = plan.groups_a_head.divide(group);
    in_head[g] = static_cast<int>(group) * kVector;
    from[g] = data + head * side.head_stride + in_head[g];
    raw[g] = load_raw(from[g]);
  }
  float x[Groups][kVector];
  float squares = 0.0F;
#pragma unroll
  for (int g = 0; g < Groups; ++g) {
    if (in_row[g] >= columns) continue;
    unpack_vector<T>(raw[g], x[g]);
#pragma unroll
    for (int e = 0; e < kVector; ++e) squares = fmaf(x[g][e], x[g][e], squares);
  }
  const auto stage_all = [&] {
    __syncthreads();
#pragma unroll
    for (int g = 0; g < Groups; ++g)
      if (in_row[g] < columns) stage(staged + in_row[g], x[g]);
    __syncthreads();
  };
  float inverse;
  if constexpr (Exact) {
    stage_all();
    inverse = exact_inverse(task, side, columns, staged);
  } else {
    inverse = rsqrtf(block_sum(squares) / static_cast<float>(columns) + task.eps);
  }
  const bool weighted = side.weight != nullptr;
#pragma unroll
  for (int g = 0; g < Groups; ++g) {
    if (in_row[g] >= columns) continue;
    float weight[kVector];
    if (weighted) load_weight<T>(task, side, in_row[g], weight);
    normalize<T, Exact>(task, inverse, weighted, weight, x[g]);
  }
  if (task.rotation.halves) stage_all();
  const float* const angles = angles_of(task.rotation, token);
#pragma unroll
  for (int g = 0; g < Groups; ++g) {
    if (in_row[g] >= columns) continue;
    if (angles != nullptr && task.rotation.halves) {
      rotate_halves<Exact>(
          task.rotation, angles, staged + in_row[g] - in_head[g], in_head[g], x[g]);
    } else if (angles != nullptr) {
      PairAngles pairs;
      pairs.load(task.rotation, angles, in_head[g]);
      rotate_neighbours<Exact>(task.rotation, pairs, in_head[g], x[g]);
    }
    store_vector(from[g], x[g]);
  }
}

template <class T, int Groups, bool Exact>
void launch(const HeadTask& task, bool whole_row, int columns, int threads, cudaStream_t stream) {
  const bool staged = Exact || task.rotation.halves;
  const std::size_t bytes = staged ? sizeof(float) * static_cast<std::size_t>(columns) : 0;
  constexpr std::size_t kGranted = std::size_t{40} << 10;  // with what the kernel has besides
  if (bytes > kGranted)
    sinter::cuda::check(cudaFuncSetAttribute(rows_kernel<T, Groups, Exact>,
                                             cudaFuncAttributeMaxDynamicSharedMemorySize,
                                             static_cast<int>(bytes)),
                        "query key norm");
  const std::int64_t norms = task.count * (whole_row ? 1 : std::max(task.q.heads, task.k.heads));
  const dim3 grid(static_cast<unsigned>(norms), task.k.heads > 0 ? 2 : 1);
  rows_kernel<T, Groups, Exact><<<grid, static_cast<unsigned>(threads), bytes, stream>>>(
      task, {.groups_a_head = Divisor(task.dim / kVector), .whole_row = whole_row});
  sinter::cuda::check_launch("query key norm");
}

/// Threads for `columns` with so many groups each, whole warps.
int threads_for(int columns, int groups) {
  const int each = kWarp * kVector * groups;
  return (columns + each - 1) / each * kWarp;
}

template <class T, bool Exact>
void choose_groups(const HeadTask& task, bool whole_row, cudaStream_t stream) {
  const int heads = whole_row ? std::max(task.q.heads, task.k.heads) : 1;
  const int columns = heads * task.dim;
  // PyTorch's larger blocks, and its block of four warps, are of these many threads.
  const auto by_block = [](const HeadSide& side) { return side.heads > 0 && !side.warp_order; };
  if (Exact && !task.rms_norm && (by_block(task.q) || by_block(task.k)))
    return launch<T, kMostGroups, Exact>(task, whole_row, columns, kMostThreads, stream);
  const int least = Exact && task.rms_norm ? kTorchNormThreads : kWarp;
  const auto with = [&](auto groups) {
    constexpr int kGroups = decltype(groups)::value;
    launch<T, kGroups, Exact>(
        task, whole_row, columns, std::max(threads_for(columns, kGroups), least), stream);
  };
  // As many bytes in flight as there are registers for, as few idle threads as can be.
  const int four = threads_for(columns, 4) * 4, two = threads_for(columns, 2) * 2;
  const int one = threads_for(columns, 1);
  if (columns > kVector * 2 * kMostThreads || (four <= two && four <= one)) {
    with(std::integral_constant<int, 4>{});
  } else if (columns > kVector * kMostThreads || two <= one) {
    with(std::integral_constant<int, 2>{});
  } else {
    with(std::integral_constant<int, 1>{});
  }
}

}  // namespace

void launch_rows(
    const HeadTask& task, ElementType type, bool exact, bool whole_row, cudaStream_t stream) {
  ops::cuda::with_element(dtype_of(type), "query key norm", [&](auto element) {
    using T = decltype(element);
    exact ? choose_groups<T, true>(task, whole_row, stream)
          : choose_groups<T, false>(task, whole_row, stream);
  });
}

}  // namespace sinter::fused::cuda
