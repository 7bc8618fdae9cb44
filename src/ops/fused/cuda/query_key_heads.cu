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

/// L lanes share a head vector, each of them holding G stretches of eight elements, and take H
/// neighbouring heads of one token: the token's angles and the weight serve them all, and what each
/// head waits for comes at one time.
template <int L, int G, int H>
struct Layout {
  static constexpr int kLanes = L, kGroups = G, kHeads = H;
  static constexpr int kSpan = L * kVector;  // columns from one stretch to the next
  static constexpr int kMostColumns = kSpan * G;
  /// Floats of a staged head vector; the last keep the vectors of a warp in different banks.
  static constexpr int kStaged = kMostColumns + kVector;
  static constexpr int kUnits = kThreads / L;  // a block's
};

struct Units {
  Divisor per_token;
  unsigned total = 0;
  int of_q = 0;
  float inverse_dim = 1.0F;
};

__host__ __device__ constexpr int pieces(int count, int of) {
  return (count + of - 1) / of;
}

/// The tree over PyTorch's 32 lanes, of which each of ours holds every Lanes-th.
template <int Lanes>
__device__ __forceinline__ float fold_lanes(float (&sums)[kWarp / Lanes]) {
#pragma unroll
  for (int half = kWarp / Lanes / 2; half > 0; half /= 2) {
#pragma unroll
    for (int k = 0; k < half; ++k) sums[k] = __fadd_rn(sums[k], sums[k + half]);
  }
  return lanes_sum<Lanes>(sums[0]);
}

/// torch.mean's sum of squares over the `columns` elements at `x`, four accumulators a lane.
template <class L>
__device__ __forceinline__ float mean_inverse(
    const float* x, int columns, int lane, const MeanOrder& order, float eps) {
  constexpr int kLanes = L::kLanes, kEach = kWarp / kLanes;
  float sums[kEach];
#pragma unroll
  for (int k = 0; k < kEach; ++k) {
    const int torch_lane = lane + k * kLanes;
    float part[4] = {};
    if (L::kMostColumns >= 128 && order.vectors) {
#pragma unroll
      for (int j = 0; j < pieces(L::kMostColumns, 4 * kWarp); ++j) {
        const int column = 4 * (torch_lane + j * kWarp);
        if (column >= columns) break;
        const float4 v = *reinterpret_cast<const float4*>(x + column);
        part[0] = add_square(part[0], v.x);
        part[1] = add_square(part[1], v.y);
        part[2] = add_square(part[2], v.z);
        part[3] = add_square(part[3], v.w);
      }
    } else if (torch_lane < order.width) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int column = torch_lane + i * order.width;
        if (column < columns) part[i] = add_square(part[i], x[column]);
      }
    }
    sums[k] = sum_in_turn(part);
  }
  return rsqrtf(__fadd_rn(__fmul_rn(fold_lanes<kLanes>(sums), order.factor), eps));
}

/// torch.nn.RMSNorm's, whose block of four warps takes four neighbouring elements a thread.
template <class L>
__device__ __forceinline__ float rms_norm_inverse(const float* x,
                                                  int columns,
                                                  int lane,
                                                  float eps) {
  constexpr int kLanes = L::kLanes, kEach = kWarp / kLanes, kWarps = kTorchNormThreads / kWarp;
  float warps[kWarps] = {};
#pragma unroll
  for (int w = 0; w < kWarps; ++w) {
    if (w * 4 * kWarp >= L::kMostColumns) continue;  // that warp has nothing
    float sums[kEach];
#pragma unroll
    for (int k = 0; k < kEach; ++k) {
      sums[k] = 0.0F;
#pragma unroll
      for (int j = 0; j < pieces(L::kMostColumns, 4 * kTorchNormThreads); ++j) {
        const int column = 4 * (w * kWarp + lane + k * kLanes + j * kTorchNormThreads);
        if (column >= columns) break;
        const float4 v = *reinterpret_cast<const float4*>(x + column);
        sums[k] = fmaf(v.x, v.x, sums[k]);
        sums[k] = fmaf(v.y, v.y, sums[k]);
        sums[k] = fmaf(v.z, v.z, sums[k]);
        sums[k] = fmaf(v.w, v.w, sums[k]);
      }
    }
    warps[w] = fold_lanes<kLanes>(sums);
  }
  const float sum = __fadd_rn(__fadd_rn(warps[0], warps[2]), __fadd_rn(warps[1], warps[3]));
  return rsqrtf(__fadd_rn(__fdiv_rn(sum, static_cast<float>(columns)), eps));
}

template <class T, class L, bool Exact, bool Rotates>
__global__ void __launch_bounds__(kThreads, sizeof(T) == 2 && L::kGroups == 1 ? 8 : 1)
    heads_kernel(const __grid_constant__ HeadTask task, const __grid_constant__ Units units) {
  constexpr int kLanes = L::kLanes, kGroups = L::kGroups, kHeads = L::kHeads;
  extern __shared__ float4 shared_memory[];
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int unit_in_block = static_cast<int>(threadIdx.x) / kLanes;
  const auto staged = [&](int h) {
    return reinterpret_cast<float*>(shared_memory) + (unit_in_block * kHeads + h) * L::kStaged;
  };
  unsigned place = blockIdx.x * L::kUnits + static_cast<unsigned>(unit_in_block);
  const bool present = place < units.total;
  if (!present) place = 0;  // all lanes stay for the sums
  unsigned token = units.per_token.divide(place);
  const unsigned sample = task.tokens.divide(token);
  const bool of_k = static_cast<int>(place) >= units.of_q;
  const HeadSide& side = of_k ? task.k : task.q;
  const int first_head = (static_cast<int>(place) - (of_k ? units.of_q : 0)) * kHeads;
  const int heads = present ? side.heads - first_head : 0;  // from the first on
  T* const data = static_cast<T*>(side.data) + sample * side.sample_stride +
                  token * side.token_stride + first_head * side.head_stride + lane * kVector;
  const auto column = [&](int g) { return lane * kVector + g * L::kSpan; };

  // Loads alone, nothing that would wait for one of them before the next is asked for.
  RawVector<T> raw[kHeads][kGroups];
#pragma unroll
  for (int h = 0; h < kHeads; ++h) {
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
      raw[h][g] = {};
      if (h < heads && column(g) < task.dim)
        raw[h][g] = load_raw(data + h * side.head_stride + g * L::kSpan);
    }
  }
  const float* const angles = Rotates ? angles_of(task.rotation, token) : nullptr;
  RawWeight<T> weight[kGroups];
  PairAngles pairs[kGroups];
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {
    if (column(g) >= task.dim) continue;
    if (side.weight != nullptr) weight[g].load(task, side, column(g));
    if (Rotates && Turns(task.rotation, angles, column(g)).whole)
      pairs[g].load(task.rotation, angles, column(g));
  }

  float inverse[kHeads];
  if (task.normalize) {
#pragma unroll
    for (int h = 0; h < kHeads; ++h) {
      inverse[h] = 0.0F;
#pragma unroll
      for (int g = 0; g < kGroups; ++g) {
        float x[kVector];
        unpack_vector<T>(raw[h][g], x);
        if constexpr (Exact) {
          store_vector(staged(h) + column(g), x);
        } else {
#pragma unroll
          for (int e = 0; e < kVector; ++e) inverse[h] = fmaf(x[e], x[e], inverse[h]);
        }
      }
    }
    if constexpr (Exact) __syncwarp();
#pragma unroll
    for (int h = 0; h < kHeads; ++h) {
      if constexpr (!Exact) {
        inverse[h] = rsqrtf(fmaf(lanes_sum<kLanes>(inverse[h]), units.inverse_dim, task.eps));
      } else if (task.rms_norm) {
        inverse[h] = rms_norm_inverse<L>(staged(h), task.dim, lane, task.eps);
      } else {
        inverse[h] = mean_inverse<L>(staged(h), task.dim, lane, side.order, task.eps);
      }
    }
  }
  if (Exact && Rotates && task.rotation.halves) __syncwarp();  // for the statistics' last reader
#pragma unroll
  for (int h = 0; h < kHeads; ++h) {
    float x[kGroups][kVector];
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
      unpack_vector<T>(raw[h][g], x[g]);
      if (task.normalize && column(g) < task.dim)
        normalize<T, Exact>(task, side, inverse[h], weight[g], column(g), x[g]);
    }
    if (Rotates && task.rotation.halves) {
#pragma unroll
      for (int g = 0; g < kGroups; ++g) store_vector(staged(h) + column(g), x[g]);
      __syncwarp();
    }
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
      if constexpr (Rotates) {
        const Turns turns(task.rotation, angles, column(g));
        if (turns.whole) rotate_neighbours<Exact>(pairs[g], x[g]);
        if (turns.some) rotate_some<Exact>(task.rotation, angles, column(g), x[g]);
        if (turns.halves) rotate_halves<Exact>(task.rotation, angles, staged(h), column(g), x[g]);
      }
      if (h < heads && column(g) < task.dim)
        store_vector(data + h * side.head_stride + g * L::kSpan, x[g]);
    }
  }
}

template <class T, class L, bool Exact, bool Rotates>
void launch(const HeadTask& task, cudaStream_t stream) {
  const auto units_of = [](int heads) { return pieces(heads, L::kHeads); };
  const int per_token = units_of(task.q.heads) + units_of(task.k.heads);
  const Units units{.per_token = Divisor(per_token),
                    .total = static_cast<unsigned>(task.count * per_token),
                    .of_q = units_of(task.q.heads),
                    .inverse_dim = 1.0F / static_cast<float>(task.dim)};
  const bool staged = (Exact && task.normalize) || task.rotation.halves;
  heads_kernel<T, L, Exact, Rotates>
      <<<ops::cuda::blocks_for(units.total, L::kUnits),
         kThreads,
         staged ? sizeof(float) * L::kUnits * L::kHeads * L::kStaged : 0,
         stream>>>(task, units);
  sinter::cuda::check_launch("query key norm");
}

template <class T, bool Exact, bool Rotates>
void choose_layout(const HeadTask& task, cudaStream_t stream) {
  // More heads a thread keep more registers, and with them fewer threads; they pay where there is
  // more to do a head than to load it.
  constexpr int kHeads = sizeof(T) == 2 && (Exact || Rotates) ? 4 : 2;
  if (task.dim <= 64) return launch<T, Layout<8, 1, kHeads>, Exact, Rotates>(task, stream);
  if (task.dim <= 128) return launch<T, Layout<16, 1, kHeads>, Exact, Rotates>(task, stream);
  if (task.dim <= 256) return launch<T, Layout<32, 1, kHeads>, Exact, Rotates>(task, stream);
  if (task.dim <= 512) return launch<T, Layout<32, 2, 1>, Exact, Rotates>(task, stream);
  return launch<T, Layout<32, 4, 1>, Exact, Rotates>(task, stream);
}

}  // namespace

void launch_heads(const HeadTask& task, ElementType type, bool exact, cudaStream_t stream) {
  ops::cuda::with_element(dtype_of(type), "query key norm", [&](auto element) {
    using T = decltype(element);
    if (task.rotation.table != nullptr) {
      exact ? choose_layout<T, true, true>(task, stream)
            : choose_layout<T, false, true>(task, stream);
    } else {
      exact ? choose_layout<T, true, false>(task, stream)
            : choose_layout<T, false, false>(task, stream);
    }
  });
}

}  // namespace sinter::fused::cuda
