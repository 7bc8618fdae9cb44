#pragma once
// What the kernels of QueryKeyNorm share: operands as they see them, the norm of eight elements of
// a head vector, their rotation.

#include "ops/fused/cuda/rows.cuh"
#include "ops/fused/cuda/torch_sums.cuh"

namespace sinter::fused::cuda {

/// Queries or keys.
struct HeadSide {
  void* data = nullptr;
  std::int64_t sample_stride = 0, token_stride = 0, head_stride = 0;
  const void* weight = nullptr;
  int heads = 0;
  MeanOrder order;         // of torch.mean over each norm's elements
  bool warp_order = true;  // which is that of warp_inverse_rms()
};

struct HeadRotation {
  const float* table = nullptr;  // null: none
  std::int64_t stride = 0, rows = 0;
  const void* positions = nullptr;
  bool wide_positions = false;  // i64
  std::int64_t first = 0, end = 0;
  int rotary = 0;
  bool halves = false;
  bool aligned = false;  // four angles at a time
};

struct HeadTask {
  HeadSide q, k;
  HeadRotation rotation;
  Divisor tokens;
  std::int64_t count = 0;  // of tokens in all samples
  int dim = 0;             // of a head
  float eps = 0.0F;
  bool normalize = true, weight_is_f32 = false;
  bool rms_norm = false;  // exact: statistics as torch.nn.RMSNorm has them, not torch.mean
  bool round_before_weight = false;
};

/// The token's row of the table; null where it is not rotated.
__device__ __forceinline__ const float* angles_of(const HeadRotation& r, unsigned token) {
  if (r.table == nullptr || token < r.first || token >= r.end) return nullptr;
  std::int64_t position = token;
  if (r.positions != nullptr)
    position = r.wide_positions ? static_cast<const std::int64_t*>(r.positions)[token]
                                : static_cast<const std::int32_t*>(r.positions)[token];
  return position >= 0 && position < r.rows ? r.table + position * r.stride : nullptr;
}

template <class T>
__device__ __forceinline__ void load_weight(const HeadTask& task,
                                            const HeadSide& side,
                                            int column,
                                            float (&to)[kVector]) {
  if (task.weight_is_f32) {
    ops::cuda::load_vector(static_cast<const float*>(side.weight) + column, to);
  } else {
    ops::cuda::load_vector(static_cast<const T*>(side.weight) + column, to);
  }
}

template <class T, bool Exact>
__device__ __forceinline__ void normalize(const HeadTask& task,
                                          float inverse,
                                          bool weighted,
                                          const float (&weight)[kVector],
                                          float (&x)[kVector]) {
#pragma unroll
  for (int e = 0; e < kVector; ++e) {
    x[e] = __fmul_rn(x[e], inverse);
    if (Exact && weighted && task.round_before_weight) x[e] = round_to<T>(x[e]);
    if (weighted) x[e] = __fmul_rn(x[e], weight[e]);
    if constexpr (Exact) x[e] = round_to<T>(x[e]);
  }
}

/// a cos + b sin, the products rounded first where exact.
template <bool Exact>
__device__ __forceinline__ float turn(float a, float cosine, float b, float sine) {
  if constexpr (Exact) return __fadd_rn(__fmul_rn(a, cosine), __fmul_rn(b, sine));
  return fmaf(a, cosine, b * sine);
}

/// Of the four pairs of eight elements.
struct PairAngles {
  float cosine[4], sine[4];

  /// Those of columns `column` to `column` + 7; none beyond the rotated columns is read.
  __device__ __forceinline__ void load(const HeadRotation& r, const float* angles, int column) {
    const float* const from = angles + column / 2;
    const int half = r.rotary / 2;
    if (r.aligned && column + kVector <= r.rotary) {
      const float4 c = *reinterpret_cast<const float4*>(from);
      const float4 s = *reinterpret_cast<const float4*>(from + half);
      cosine[0] = c.x, cosine[1] = c.y, cosine[2] = c.z, cosine[3] = c.w;
      sine[0] = s.x, sine[1] = s.y, sine[2] = s.z, sine[3] = s.w;
      return;
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const bool rotated = column + 2 * i < r.rotary;
      cosine[i] = rotated ? from[i] : 1.0F;
      sine[i] = rotated ? from[half + i] : 0.0F;
    }
  }
};

/// Pairs of neighbours. What is not rotated stays as it is, NaN and all.
template <bool Exact>
__device__ __forceinline__ void rotate_neighbours(const HeadRotation& r,
                                                  const PairAngles& angles,
                                                  int column,
                                                  float (&x)[kVector]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if (column + 2 * i >= r.rotary) break;
    const float a = x[2 * i], b = x[2 * i + 1];
    x[2 * i] = turn<Exact>(a, angles.cosine[i], -b, angles.sine[i]);
    x[2 * i + 1] = turn<Exact>(b, angles.cosine[i], a, angles.sine[i]);
  }
}

/// Pairs half the rotated columns apart; `head` holds the normalized head vector.
template <bool Exact>
__device__ __forceinline__ void rotate_halves(const HeadRotation& r,
                                              const float* angles,
                                              const float* head,
                                              int column,
                                              float (&x)[kVector]) {
  const int half = r.rotary / 2;
#pragma unroll
  for (int e = 0; e < kVector; ++e) {
    const int at = column + e;
    if (at >= r.rotary) break;
    const bool first = at < half;
    const int angle = first ? at : at - half;
    const float partner = head[first ? at + half : angle];
    x[e] = turn<Exact>(x[e], angles[angle], first ? -partner : partner, angles[half + angle]);
  }
}

/// Groups of eight that lie in one place a thread: where a thread of either kernel finds the
/// statistics' elements.
__device__ __forceinline__ void stage(float* to, const float (&x)[kVector]) {
  ops::cuda::store_vector(to, x);
}

void launch_heads(const HeadTask& task, ElementType type, bool exact, cudaStream_t stream);
/// One block a norm: of whole rows, or of head vectors whose sums PyTorch takes by more than a
/// warp.
void launch_rows(
    const HeadTask& task, ElementType type, bool exact, bool whole_row, cudaStream_t stream);

}  // namespace sinter::fused::cuda
