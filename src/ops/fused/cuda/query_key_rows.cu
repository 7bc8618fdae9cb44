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

/// torch.mean's order where one warp of PyTorch's sums the row, its 128 accumulators in as many
/// threads, which all of the block's first are. The same for each thread.
__device__ __forceinline__ float spread_inverse_rms(const float* x,
                                                    int columns,
                                                    float factor,
                                                    float eps) {
  constexpr int kAccumulators = 4 * kWarp;
  __shared__ float lanes[kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int begin = 0; begin < kAccumulators; begin += static_cast<int>(blockDim.x)) {
    const int thread = begin + static_cast<int>(threadIdx.x);
    if (thread >= kAccumulators) break;
    float sum = 0.0F;
#pragma unroll 8
    for (int column = thread; column < columns; column += kAccumulators)
      sum = add_square(sum, x[column]);
    // ((0 + 1) + 2) + 3, in every fourth lane.
    const float second = __shfl_down_sync(~0U, sum, 1), third = __shfl_down_sync(~0U, sum, 2);
    const float fourth = __shfl_down_sync(~0U, sum, 3);
    if (lane % 4 == 0)
      lanes[thread / 4] = __fadd_rn(__fadd_rn(__fadd_rn(sum, second), third), fourth);
  }
  __syncthreads();
  return rsqrtf(__fadd_rn(__fmul_rn(lanes_sum<kWarp>(lanes[lane]), factor), eps));
}

/// The norm's elements lie at `x`, which all threads see. The same for each thread.
__device__ __forceinline__ float exact_inverse(const HeadTask& task,
                                               const HeadSide& side,
                                               int columns,
                                               const float* x) {
  const auto element = [x](std::int64_t column) { return x[column]; };
  if (task.rms_norm) return block_statistics(columns, true, task.eps, element).inverse;
  if (side.warp_order) return spread_inverse_rms(x, columns, side.order.factor, task.eps);
  return block_inverse_rms(side.order, columns, 0, task.eps, element);
}

struct RowPlan {
  Divisor groups_a_head;  // of eight elements
  bool whole_row = true;
  bool one_column = true;  // a thread's groups all lie at one column of their heads
};

/// Keeps what is computed from a value from being computed, and held, before this.
__device__ __forceinline__ void not_before(uint4& value) {
  asm volatile("" : "+r"(value.x), "+r"(value.y), "+r"(value.z), "+r"(value.w));
}

/// Block column: the norm; block row 0: of q, 1: of k.
template <class T, int Groups, bool Exact>
__global__ void __launch_bounds__(kMostThreads, sizeof(T) == 2 ? 2 : 1)
    rows_kernel(const __grid_constant__ HeadTask task, const __grid_constant__ RowPlan plan) {
  extern __shared__ float4 shared_memory[];
  float* const staged = reinterpret_cast<float*>(shared_memory);
  const HeadSide& side = blockIdx.y == 0 ? task.q : task.k;
  const int heads = plan.whole_row ? 1 : side.heads;  // of which each has its norm
  const int columns = plan.whole_row ? side.heads * task.dim : task.dim;
  const unsigned index = heads == 1 ? blockIdx.x : blockIdx.x / static_cast<unsigned>(heads);
  if (index >= task.count) return;  // one side may have fewer heads
  unsigned token = index;
  const unsigned sample = task.tokens.divide(token);
  T* const data = static_cast<T*>(side.data) + sample * side.sample_stride +
                  token * side.token_stride +
                  (blockIdx.x - index * static_cast<unsigned>(heads)) * side.head_stride;
  const auto group = [&](int g) {
    return static_cast<int>(threadIdx.x) + g * static_cast<int>(blockDim.x);
  };
  const auto holds = [&](int g) { return group(g) * kVector < columns; };
  // Where group g lies in its head, and that head.
  const auto place = [&](int g, int& in_head) {
    unsigned rest = static_cast<unsigned>(group(g));
    const unsigned head = plan.groups_a_head.divide(rest);
    in_head = static_cast<int>(rest) * kVector;
    return data + head * side.head_stride + in_head;
  };

  // Loads alone, nothing that would wait for one of them before the next is asked for.
  RawVector<T> raw[Groups];
  RawWeight<T> weight[Groups];
  int in_head;
#pragma unroll
  for (int g = 0; g < Groups; ++g) {
    raw[g] = {};
    if (holds(g)) raw[g] = load_raw(place(g, in_head));
  }
#pragma unroll
  for (int g = 0; g < Groups; ++g)
    if (side.weight != nullptr && holds(g)) weight[g].load(task, side, group(g) * kVector);
  const float* const angles = angles_of(task.rotation, token);
  place(0, in_head);
  PairAngles pairs;
  if (holds(0) && Turns(task.rotation, angles, in_head).whole)
    pairs.load(task.rotation, angles, in_head);

  float squares = 0.0F;
#pragma unroll
  for (int g = 0; g < Groups; ++g) {
    float x[kVector];
    unpack_vector<T>(raw[g], x);
#pragma unroll
    for (int e = 0; e < kVector; ++e) squares = fmaf(x[e], x[e], squares);
    if (Exact && holds(g)) store_vector(staged + group(g) * kVector, x);
  }
  float inverse;
  if constexpr (Exact) {
    __syncthreads();
    inverse = exact_inverse(task, side, columns, staged);
  } else {
    inverse = rsqrtf(block_sum(squares) / static_cast<float>(columns) + task.eps);
  }
  const auto finish = [&](int g, float(&x)[kVector]) {
    if constexpr (sizeof(T) == 2) not_before(raw[g].words[0]);
    unpack_vector<T>(raw[g], x);
    normalize<T, Exact>(task, side, inverse, weight[g], group(g) * kVector, x);
  };
  if (task.rotation.halves) {
    __syncthreads();  // for the last reader of the statistics' elements
#pragma unroll
    for (int g = 0; g < Groups; ++g) {
      if (!holds(g)) continue;
      float x[kVector];
      finish(g, x);
      store_vector(staged + group(g) * kVector, x);
    }
    __syncthreads();
  }
#pragma unroll
  for (int g = 0; g < Groups; ++g) {
    if (!holds(g)) continue;
    float x[kVector];
    finish(g, x);
    T* const to = place(g, in_head);
    if (angles != nullptr) {
      const Turns turns(task.rotation, angles, in_head);
      if (turns.whole && g > 0 && !plan.one_column) pairs.load(task.rotation, angles, in_head);
      if (turns.whole) rotate_neighbours<Exact>(pairs, x);
      if (turns.some) rotate_some<Exact>(task.rotation, angles, in_head, x);
      if (turns.halves)
        rotate_halves<Exact>(
            task.rotation, angles, staged + group(g) * kVector - in_head, in_head, x);
    }
    store_vector(to, x);
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
      task,
      {.groups_a_head = Divisor(task.dim / kVector),
       .whole_row = whole_row,
       .one_column = threads * kVector % task.dim == 0});
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
