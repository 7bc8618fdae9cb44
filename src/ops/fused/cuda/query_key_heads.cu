// QueryKeyNorm where each head vector is normed for itself: several a warp.

#include "cuda/status.h"
#include "ops/fused/cuda/query_key_norm.cuh"

namespace sinter::fused::cuda {

namespace {

using ops::cuda::kWarp;
using ops::cuda::lanes_sum;
using ops::cuda::load_raw;
using ops::cuda::RawVector;
using ops::cuda::store_vector;
using ops::cuda::unpack_vector;

constexpr int kThreads = 128;

/// Lanes lanes share a head vector, each of them holding Groups stretches of eight elements, and
/// take Heads neighbouring heads of one token one after the other: the token's angles and the
/// weight serve them all.
template <int L, int G>
struct Layout {
  static constexpr int kLanes = L, kGroups = G;
  static constexpr int kHeads = G == 1 ? 2 : 1;
  static constexpr int kSpan = L * kVector;  // columns from one stretch to the next
  /// Floats of a staged head vector; the last keep the vectors of a warp in different banks.
  static constexpr int kStaged = kSpan * G + kVector;
  static constexpr int kUnits = kThreads / L;  // a block's
};

struct Units {
  Divisor per_token;
  unsigned total = 0;
  int of_q = 0;
};

/// torch.mean's sum of squares over the `columns` elements at `x`. Each lane does the work of
/// 32 / Lanes of PyTorch's, which are the elements of four accumulators each.
template <int Lanes>
__device__ __forceinline__ float mean_inverse(
    const float* x, int columns, int lane, const MeanOrder& order, float eps) {
  constexpr int kEach = kWarp / Lanes;
  float sums[kEach];
#pragma unroll
  for (int k = 0; k < kEach; ++k) {
    const int virtual_lane = lane + k * Lanes;
    float part[4] = {};
    if (order.vectors) {
      for (int column = 4 * virtual_lane; column < columns; column += 4 * kWarp) {
        const float4 v = *reinterpret_cast<const float4*>(x + column);
        part[0] = add_square(part[0], v.x);
        part[1] = add_square(part[1], v.y);
        part[2] = add_square(part[2], v.z);
        part[3] = add_square(part[3], v.w);
      }
    } else if (virtual_lane < order.width) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int column = virtual_lane + i * order.width;
        if (column < columns) part[i] = add_square(part[i], x[column]);
      }
    }
    sums[k] = sum_in_turn(part);
  }
#pragma unroll
  for (int half = kEach / 2; half > 0; half /= 2) {
#pragma unroll
    for (int k = 0; k < half; ++k) sums[k] = __fadd_rn(sums[k], sums[k + half]);
  }
  return rsqrtf(__fadd_rn(__fmul_rn(lanes_sum<Lanes>(sums[0]), order.factor), eps));
}

/// torch.nn.RMSNorm's, whose block of four warps takes four neighbouring elements a thread.
template <int Lanes>
__device__ __forceinline__ float rms_norm_inverse(const float* x,
                                                  int columns,
                                                  int lane,
                                                  float eps) {
  constexpr int kEach = kWarp / Lanes, kWarps = kTorchNormThreads / kWarp;
  float warps[kWarps];
#pragma unroll
  for (int w = 0; w < kWarps; ++w) {
    float sums[kEach];
#pragma unroll
    for (int k = 0; k < kEach; ++k) {
      sums[k] = 0.0F;
      const int thread = w * kWarp + lane + k * Lanes;
      for (int column = 4 * thread; column < columns; column += 4 * kTorchNormThreads) {
        const float4 v = *reinterpret_cast<const float4*>(x + column);
        sums[k] = fmaf(v.x, v.x, sums[k]);
        sums[k] = fmaf(v.y, v.y, sums[k]);
        sums[k] = fmaf(v.z, v.z, sums[k]);
        sums[k] = fmaf(v.w, v.w, sums[k]);
      }
    }
#pragma unroll
    for (int half = kEach / 2; half > 0; half /= 2) {
#pragma unroll
      for (int k = 0; k < half; ++k) sums[k] = __fadd_rn(sums[k], sums[k + half]);
    }
    warps[w] = lanes_sum<Lanes>(sums[0]);
  }
  const float sum = __fadd_rn(__fadd_rn(warps[0], warps[2]), __fadd_rn(warps[1], warps[3]));
  return rsqrtf(__fadd_rn(__fdiv_rn(sum, static_cast<float>(columns)), eps));
}

template <class T, class L, bool Exact>
__global__ void __launch_bounds__(kThreads)
    heads_kernel(const __grid_constant__ HeadTask task, const __grid_constant__ Units units) {
  constexpr int kLanes = L::kLanes, kGroups = L::kGroups, kHeads = L::kHeads;
  extern __shared__ float4 shared_memory[];
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int unit_in_block = static_cast<int>(threadIdx.x) / kLanes;
  float* const staged = reinterpret_cast<float*>(shared_memory) + unit_in_block * L::kStaged;
  unsigned place = blockIdx.x * L::kUnits + static_cast<unsigned>(unit_in_block);
  const bool present = place < units.total;
  if (!present) place = 0;  // all lanes stay for the sums
  unsigned token = units.per_token.divide(place);
  const unsigned sample = task.tokens.divide(token);
  const bool of_k = static_cast<int>(place) >= units.of_q;
  const HeadSide& side = of_k ? task.k : task.q;
  const int first_head = (static_cast<int>(place) - (of_k ? units.of_q : 0)) * kHeads;
  T* const data = static_cast<T*>(side.data) + sample * side.sample_stride +
                  token * side.token_stride + first_head * side.head_stride + lane * kVector;
  const auto column = [&](int g) { return lane * kVector + g * L::kSpan; };
  const auto holds = [&](int h, int g) {
    return present && first_head + h < side.heads && column(g) < task.dim;
  };

  // Loads alone, nothing that would wait for one of them before the next is asked for.
  RawVector<T> raw[kHeads][kGroups];
#pragma unroll
  for (int h = 0; h < kHeads; ++h) {
#pragma unroll
    for (int g = 0; g < kGroups; ++g)
      if (holds(h, g)) raw[h][g] = load_raw(data + h * side.head_stride + g * L::kSpan);
  }
  const bool weighted = side.weight != nullptr;
  float weight[kGroups][kVector];
  const float* const angles = angles_of(task.rotation, token);
  const bool turns = angles != nullptr && !task.rotation.halves;
  PairAngles pairs[kGroups];
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {
    if (column(g) >= task.dim) continue;
    if (weighted) load_weight<T>(task, side, column(g), weight[g]);
    if (turns) pairs[g].load(task.rotation, angles, column(g));
  }

#pragma unroll
  for (int h = 0; h < kHeads; ++h) {
    float x[kGroups][kVector];
    float squares = 0.0F;
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
      if (!holds(h, g)) continue;
      unpack_vector<T>(raw[h][g], x[g]);
#pragma unroll
      for (int e = 0; e < kVector; ++e) squares = fmaf(x[g][e], x[g][e], squares);
    }
    const auto stage_all = [&] {
      __syncwarp();
#pragma unroll
      for (int g = 0; g < kGroups; ++g)
        if (holds(h, g)) stage(staged + column(g), x[g]);
      __syncwarp();
    };
    if (task.normalize) {
      float inverse;
      if constexpr (Exact) {
        stage_all();
        inverse = task.rms_norm
                      ? rms_norm_inverse<kLanes>(staged, task.dim, lane, task.eps)
                      : mean_inverse<kLanes>(staged, task.dim, lane, side.order, task.eps);
      } else {
        inverse = rsqrtf(lanes_sum<kLanes>(squares) / static_cast<float>(task.dim) + task.eps);
      }
#pragma unroll
      for (int g = 0; g < kGroups; ++g)
        if (holds(h, g)) normalize<T, Exact>(task, inverse, weighted, weight[g], x[g]);
    }
    if (task.rotation.halves) stage_all();
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
      if (!holds(h, g)) continue;
      if (turns) {
        rotate_neighbours<Exact>(task.rotation, pairs[g], column(g), x[g]);
      } else if (angles != nullptr) {
        rotate_halves<Exact>(task.rotation, angles, staged, column(g), x[g]);
      }
      store_vector(data + h * side.head_stride + g * L::kSpan, x[g]);
    }
  }
}

template <class T, class L, bool Exact>
void launch(const HeadTask& task, cudaStream_t stream) {
  const auto units_of = [](int heads) { return (heads + L::kHeads - 1) / L::kHeads; };
  const int per_token = units_of(task.q.heads) + units_of(task.k.heads);
  const Units units{.per_token = Divisor(per_token),
                    .total = static_cast<unsigned>(task.count * per_token),
                    .of_q = units_of(task.q.heads)};
  const bool staged = (Exact && task.normalize) || task.rotation.halves;
  heads_kernel<T, L, Exact><<<ops::cuda::blocks_for(units.total, L::kUnits),
                              kThreads,
                              staged ? sizeof(float) * L::kUnits * L::kStaged : 0,
                              stream>>>(task, units);
  sinter::cuda::check_launch("query key norm");
}

template <class T, bool Exact>
void choose_layout(const HeadTask& task, cudaStream_t stream) {
  if (task.dim <= 32) return launch<T, Layout<4, 1>, Exact>(task, stream);
  if (task.dim <= 64) return launch<T, Layout<8, 1>, Exact>(task, stream);
  if (task.dim <= 128) return launch<T, Layout<16, 1>, Exact>(task, stream);
  if (task.dim <= 256) return launch<T, Layout<32, 1>, Exact>(task, stream);
  if (task.dim <= 512) return launch<T, Layout<32, 2>, Exact>(task, stream);
  return launch<T, Layout<32, 4>, Exact>(task, stream);
}

}  // namespace

void launch_heads(const HeadTask& task, ElementType type, bool exact, cudaStream_t stream) {
  ops::cuda::with_element(dtype_of(type), "query key norm", [&](auto element) {
    using T = decltype(element);
    exact ? choose_layout<T, true>(task, stream) : choose_layout<T, false>(task, stream);
  });
}

}  // namespace sinter::fused::cuda
