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

/// Eight weights. Those of T are asked for early and unpacked when they are needed; for f32 weights
/// of 16-bit elements there are no registers, they are read then.
template <class T>
struct RawWeight {
  ops::cuda::RawVector<T> raw;

  __device__ __forceinline__ void load(const HeadTask& task, const HeadSide& side, int column) {
    if (std::is_same_v<T, float> || !task.weight_is_f32)
      raw = ops::cuda::load_raw(static_cast<const T*>(side.weight) + column);
  }
  __device__ __forceinline__ void unpack(const HeadTask& task,
                                         const HeadSide& side,
                                         int column,
                                         float (&to)[kVector]) const {
    if (std::is_same_v<T, float> || !task.weight_is_f32)
      return ops::cuda::unpack_vector<T>(raw, to);
    ops::cuda::load_vector(static_cast<const float*>(side.weight) + column, to);
  }
};

/// x as T holds it, two at a time.
template <class T>
__device__ __forceinline__ void round_all(float (&x)[kVector]) {
  if constexpr (!std::is_same_v<T, float>) {
#pragma unroll
    for (int i = 0; i < kVector; i += 2) {
      const float2 pair = ops::cuda::unpack<T>(ops::cuda::pack<T>(x[i], x[i + 1]));
      x[i] = pair.x;
      x[i + 1] = pair.y;
    }
  }
}

template <class T, bool Exact>
__device__ __forceinline__ void normalize(const HeadTask& task,
                                          const HeadSide& side,
                                          float inverse,
                                          const RawWeight<T>& raw,
                                          int column,
                                          float (&x)[kVector]) {
#pragma unroll
  for (float& v : x) v = __fmul_rn(v, inverse);
  if (side.weight != nullptr) {
    if (Exact && task.round_before_weight) round_all<T>(x);
    float weight[kVector];
    raw.unpack(task, side, column, weight);
#pragma unroll
    for (int e = 0; e < kVector; ++e) x[e] = __fmul_rn(x[e], weight[e]);
  }
  if constexpr (Exact) round_all<T>(x);
}

/// a cos + b sin, the products rounded first where exact.
template <bool Exact>
__device__ __forceinline__ float turn(float a, float cosine, float b, float sine) {
  if constexpr (Exact) return __fadd_rn(__fmul_rn(a, cosine), __fmul_rn(b, sine));
  return fmaf(a, cosine, b * sine);
}

/// Of the four pairs of eight elements, where all eight are rotated.
struct PairAngles {
  float4 cosine, sine;

  /// Those of columns `column` to `column` + 7.
  __device__ __forceinline__ void load(const HeadRotation& r, const float* angles, int column) {
    const float* const from = angles + column / 2;
    if (r.aligned) {
      cosine = *reinterpret_cast<const float4*>(from);
      sine = *reinterpret_cast<const float4*>(from + r.rotary / 2);
    } else {
      const float* const sines = from + r.rotary / 2;
      cosine = make_float4(from[0], from[1], from[2], from[3]);
      sine = make_float4(sines[0], sines[1], sines[2], sines[3]);
    }
  }
};

template <bool Exact>
__device__ __forceinline__ void rotate_pair(float cosine, float sine, float& a, float& b) {
  const float before = a;
  a = turn<Exact>(a, cosine, -b, sine);
  b = turn<Exact>(b, cosine, before, sine);
}

template <bool Exact>
__device__ __forceinline__ void rotate_neighbours(const PairAngles& p, float (&x)[kVector]) {
  rotate_pair<Exact>(p.cosine.x, p.sine.x, x[0], x[1]);
  rotate_pair<Exact>(p.cosine.y, p.sine.y, x[2], x[3]);
  rotate_pair<Exact>(p.cosine.z, p.sine.z, x[4], x[5]);
  rotate_pair<Exact>(p.cosine.w, p.sine.w, x[6], x[7]);
}

/// The same where the rotated columns end among the eight. What is not rotated stays, NaN and all.
template <bool Exact>
__device__ __forceinline__ void rotate_some(const HeadRotation& r,
                                            const float* angles,
                                            int column,
                                            float (&x)[kVector]) {
#pragma unroll
  for (int i = 0; i < kVector / 2; ++i) {
    if (column + 2 * i >= r.rotary) break;
    const float* const from = angles + column / 2 + i;
    rotate_pair<Exact>(from[0], from[r.rotary / 2], x[2 * i], x[2 * i + 1]);
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

/// Which of the rotations a group of eight columns takes.
struct Turns {
  const float* angles;  // of the token; null: none
  bool whole, some;     // neighbours, all eight or fewer
  bool halves;

  __device__ __forceinline__ Turns(const HeadRotation& r, const float* from, int column)
      : angles(from),
        whole(from != nullptr && !r.halves && column + kVector <= r.rotary),
        some(from != nullptr && !r.halves && !whole && column < r.rotary),
        halves(from != nullptr && r.halves) {}
};

void launch_heads(const HeadTask& task, ElementType type, bool exact, cudaStream_t stream);
/// One block a norm: of whole rows, or of head vectors whose sums PyTorch takes by more than a
/// warp.
void launch_rows(
    const HeadTask& task, ElementType type, bool exact, bool whole_row, cudaStream_t stream);

}  // namespace sinter::fused::cuda
