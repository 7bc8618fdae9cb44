#include "core/error.h"
#include "cuda/status.h"
#include "ops/cuda/norm.h"
#include "ops/cuda/pack.cuh"

namespace sinter::ops::cuda {

namespace {

constexpr int kWarp = 32;
constexpr int kThreads = 128;

template <class T>
struct Group {
  std::int64_t rows;
  const T *shift, *scale, *gate;
};

template <class T>
struct Rows {
  Group<T> groups[ModulatedRows::kMaxGroups];
  int rows, columns;
  float eps;
};

/// Sum over the warps of a row, the same for each of its threads. `Use` tells the uses in one
/// kernel apart.
template <int RowWarps, int Use>
__device__ __forceinline__ float row_sum(float x) {
#pragma unroll
  for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) x += __shfl_xor_sync(~0U, x, lanes);
  if constexpr (RowWarps > 1) {
    __shared__ float partial[kThreads / kWarp];
    const int warp = static_cast<int>(threadIdx.x) / kWarp, first = warp / RowWarps * RowWarps;
    if (threadIdx.x % kWarp == 0) partial[warp] = x;
    __syncthreads();
    x = 0.0F;
#pragma unroll
    for (int i = 0; i < RowWarps; ++i) x += partial[first + i];
  }
  return x;
}

/// RowWarps warps a row; a thread holds Vectors stretches of eight columns. All that it reads is
/// asked for before the first sum, so that one wait covers it. `Gated`: x is a branch's result that
/// is first added to the residual.
template <class T, int Vectors, int RowWarps, bool Gated>
__global__ void __launch_bounds__(kThreads)
    norm_kernel(const Rows<T> p, T* residual, const T* x, T* dst) {
  constexpr int kRowThreads = kWarp * RowWarps, kStride = kRowThreads * kVector;
  const int row = static_cast<int>(blockIdx.x) * (kThreads / kRowThreads) +
                  static_cast<int>(threadIdx.x) / kRowThreads;
  const bool present = row < p.rows;  // all threads stay for the sums
  const bool second = row >= p.groups[0].rows;
  const T* const shift_row = second ? p.groups[1].shift : p.groups[0].shift;
  const T* const scale_row = second ? p.groups[1].scale : p.groups[0].scale;
  const T* const gate_row = second ? p.groups[1].gate : p.groups[0].gate;
  const int first = static_cast<int>(threadIdx.x) % kRowThreads * kVector;
  const std::int64_t begin = static_cast<std::int64_t>(row) * p.columns;
  const auto holds = [&](int i) { return present && first + i * kStride < p.columns; };

  float value[Vectors][kVector];
  uint4 shifts[Vectors], scales[Vectors];
  float sum = 0.0F;
#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    if (!holds(i)) continue;
    const int column = first + i * kStride;
    load_vector(x + begin + column, value[i]);
    shifts[i] = *reinterpret_cast<const uint4*>(shift_row + column);
    scales[i] = *reinterpret_cast<const uint4*>(scale_row + column);
    if constexpr (Gated) {
      float before[kVector], gate[kVector];
      load_vector(residual + begin + column, before);
      load_vector(gate_row + column, gate);
#pragma unroll
      for (int e = 0; e < kVector; ++e) value[i][e] = fmaf(gate[e], value[i][e], before[e]);
      store_vector(residual + begin + column, value[i]);
      // The norm is of what the next reader of the residual will see.
#pragma unroll
      for (int e = 0; e < kVector; e += 2) {
        const float2 rounded = unpack<T>(pack<T>(value[i][e], value[i][e + 1]));
        value[i][e] = rounded.x;
        value[i][e + 1] = rounded.y;
      }
    }
#pragma unroll
    for (int e = 0; e < kVector; ++e) sum += value[i][e];
  }
  const float mean = row_sum<RowWarps, 0>(sum) / static_cast<float>(p.columns);

  float squares = 0.0F;
#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    if (!holds(i)) continue;
#pragma unroll
    for (int e = 0; e < kVector; ++e) {
      value[i][e] -= mean;
      squares = fmaf(value[i][e], value[i][e], squares);
    }
  }
  const float inverse =
      rsqrtf(row_sum<RowWarps, 1>(squares) / static_cast<float>(p.columns) + p.eps);

#pragma unroll
  for (int i = 0; i < Vectors; ++i) {
    if (!holds(i)) continue;
    float shift[kVector], scale[kVector];
    unpack_vector<T>(shifts[i], shift);
    unpack_vector<T>(scales[i], scale);
#pragma unroll
    for (int e = 0; e < kVector; ++e)
      value[i][e] = fmaf(value[i][e] * inverse, 1.0F + scale[e], shift[e]);
    store_vector(dst + begin + first + i * kStride, value[i]);
  }
}

/// Dim / 8 lanes a head vector, so that a warp takes several.
template <class T, int Dim>
__global__ void __launch_bounds__(kThreads) head_norm_kernel(T* q,
                                                             T* k,
                                                             int vectors,
                                                             int heads,
                                                             std::int64_t row_stride,
                                                             std::int64_t head_stride,
                                                             const T* q_weight,
                                                             const T* k_weight,
                                                             float eps) {
  constexpr int kLanes = Dim / kVector;
  const int vector = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x) / kLanes;
  const int column = static_cast<int>(threadIdx.x) % kLanes * kVector;
  const bool present = vector < vectors;
  T* data = (blockIdx.y == 0 ? q : k) + vector / heads * row_stride + vector % heads * head_stride +
            column;
  float value[kVector] = {}, weight[kVector];
  if (present) load_vector(data, value);
  float squares = 0.0F;
#pragma unroll
  for (int e = 0; e < kVector; ++e) squares = fmaf(value[e], value[e], squares);
#pragma unroll
  for (int lanes = kLanes / 2; lanes > 0; lanes /= 2)
    squares += __shfl_xor_sync(~0U, squares, lanes);
  const float inverse = rsqrtf(squares / Dim + eps);
  load_vector((blockIdx.y == 0 ? q_weight : k_weight) + column, weight);
#pragma unroll
  for (int e = 0; e < kVector; ++e) value[e] *= inverse * weight[e];
  if (present) store_vector(data, value);
}

int blocks_for(std::int64_t items, std::int64_t per_block) {
  return static_cast<int>((items + per_block - 1) / per_block);
}

template <class T, int Vectors, int RowWarps, bool Gated>
void launch(
    const ModulatedRows& rows, void* residual, const void* x, void* dst, cudaStream_t stream) {
  Rows<T> p{};
  for (int g = 0; g < ModulatedRows::kMaxGroups; ++g) {
    const ModulatedGroup& from = rows.groups[g];
    p.groups[g] = {from.rows,
                   static_cast<const T*>(from.shift),
                   static_cast<const T*>(from.scale),
                   static_cast<const T*>(from.gate)};
  }
  p.rows = static_cast<int>(rows.rows());
  p.columns = static_cast<int>(rows.columns);
  p.eps = rows.eps;
  norm_kernel<T, Vectors, RowWarps, Gated>
      <<<blocks_for(p.rows, kThreads / (kWarp * RowWarps)), kThreads, 0, stream>>>(
          p, static_cast<T*>(residual), static_cast<const T*>(x), static_cast<T*>(dst));
  sinter::cuda::check_launch("norm");
}

/// The fewest threads that hold a row in two to four vectors each.
template <class T, bool Gated>
void launch_for_width(
    const ModulatedRows& rows, void* residual, const void* x, void* dst, cudaStream_t stream) {
  const auto run = [&](auto vectors, auto warps) {
    launch<T, decltype(vectors)::value, decltype(warps)::value, Gated>(
        rows, residual, x, dst, stream);
  };
  constexpr std::integral_constant<int, 1> one;
  constexpr std::integral_constant<int, 2> two;
  constexpr std::integral_constant<int, 3> three;
  constexpr std::integral_constant<int, 4> four;
  constexpr int kWarpColumns = kWarp * kVector;
  const std::int64_t columns = rows.columns;
  if (columns <= 2 * kWarpColumns) return run(two, one);
  if (columns <= 4 * kWarpColumns) return run(two, two);
  if (columns <= 8 * kWarpColumns) return run(two, four);
  if (columns <= 12 * kWarpColumns) return run(three, four);
  run(four, four);
}

bool aligned(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0;
}

bool is_16_bit(DType dtype) {
  return dtype == DType::f16 || dtype == DType::bf16;
}

template <bool Gated>
void check_and_launch(
    const ModulatedRows& rows, void* residual, const void* x, void* dst, cudaStream_t stream) {
  constexpr std::int64_t kMostRows = std::int64_t{1} << 30;
  SINTER_CHECK(is_16_bit(rows.dtype) && rows.columns > 0 && rows.columns % kVector == 0 &&
                   rows.columns <= kMaxNormColumns && rows.rows() < kMostRows,
               ErrorCode::invalid_argument,
               "[norm] expected f16 or bf16 rows of a multiple of 8 up to ",
               kMaxNormColumns,
               " columns, got ",
               rows.rows(),
               " rows of ",
               rows.columns,
               " ",
               to_string(rows.dtype));
  bool usable = aligned(x) && aligned(dst) && aligned(residual);
  for (const ModulatedGroup& group : rows.groups) {
    const bool complete =
        group.shift != nullptr && group.scale != nullptr && (!Gated || group.gate != nullptr);
    usable = usable && (group.rows == 0 || (complete && aligned(group.shift) &&
                                            aligned(group.scale) && aligned(group.gate)));
  }
  SINTER_CHECK(usable,
               ErrorCode::invalid_argument,
               "[norm] expected rows and vectors that start at a multiple of 16 bytes, and every "
               "vector of a group");
  if (rows.rows() == 0) return;
  rows.dtype == DType::f16 ? launch_for_width<__half, Gated>(rows, residual, x, dst, stream)
                           : launch_for_width<__nv_bfloat16, Gated>(rows, residual, x, dst, stream);
}

template <class T, int Dim>
void launch_heads(const HeadVectors& q,
                  const HeadVectors& k,
                  const void* q_weight,
                  const void* k_weight,
                  float eps,
                  cudaStream_t stream) {
  const std::int64_t vectors = q.rows * q.heads;
  const dim3 grid(static_cast<unsigned>(blocks_for(vectors * (Dim / kVector), kThreads)), 2);
  head_norm_kernel<T, Dim><<<grid, kThreads, 0, stream>>>(static_cast<T*>(q.data),
                                                          static_cast<T*>(k.data),
                                                          static_cast<int>(vectors),
                                                          static_cast<int>(q.heads),
                                                          q.row_stride,
                                                          q.head_stride,
                                                          static_cast<const T*>(q_weight),
                                                          static_cast<const T*>(k_weight),
                                                          eps);
  sinter::cuda::check_launch("head norm");
}

}  // namespace

void layer_norm_modulate(const ModulatedRows& rows, const void* x, void* dst, cudaStream_t stream) {
  check_and_launch<false>(rows, nullptr, x, dst, stream);
}

void add_gated_layer_norm_modulate(
    const ModulatedRows& rows, void* residual, const void* x, void* dst, cudaStream_t stream) {
  check_and_launch<true>(rows, residual, x, dst, stream);
}

void rms_norm_heads(const HeadVectors& q,
                    const HeadVectors& k,
                    const void* q_weight,
                    const void* k_weight,
                    DType dtype,
                    float eps,
                    cudaStream_t stream) {
  const bool same = q.rows == k.rows && q.heads == k.heads && q.dim == k.dim &&
                    q.row_stride == k.row_stride && q.head_stride == k.head_stride;
  SINTER_CHECK(
      is_16_bit(dtype) && same && (q.dim == 64 || q.dim == 128) && q.heads > 0 &&
          q.rows * q.heads < std::int64_t{1} << 28,
      ErrorCode::invalid_argument,
      "[head norm] expected f16 or bf16 queries and keys of equal shape, heads of 64 or 128, got ",
      q.rows,
      " rows of ",
      q.heads,
      " heads of ",
      q.dim,
      " and ",
      k.rows,
      " of ",
      k.heads,
      " of ",
      k.dim);
  SINTER_CHECK(aligned(q.data) && aligned(k.data) && aligned(q_weight) && aligned(k_weight) &&
                   q.row_stride % kVector == 0 && q.head_stride % kVector == 0,
               ErrorCode::invalid_argument,
               "[head norm] expected head vectors that start at a multiple of 16 bytes");
  if (q.rows == 0) return;
  const auto run = [&](auto element, auto dim) {
    launch_heads<decltype(element), decltype(dim)::value>(q, k, q_weight, k_weight, eps, stream);
  };
  using Dim64 = std::integral_constant<int, 64>;
  using Dim128 = std::integral_constant<int, 128>;
  if (dtype == DType::f16) return q.dim == 64 ? run(__half{}, Dim64{}) : run(__half{}, Dim128{});
  q.dim == 64 ? run(__nv_bfloat16{}, Dim64{}) : run(__nv_bfloat16{}, Dim128{});
}

}  // namespace sinter::ops::cuda
