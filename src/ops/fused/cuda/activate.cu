#include "cuda/status.h"
#include "ops/cuda/activation.cuh"
#include "ops/fused/cuda/activate.h"
#include "ops/fused/cuda/rows.cuh"

namespace sinter::fused::cuda {

namespace {

using ops::cuda::load_raw;
using ops::cuda::load_some;
using ops::cuda::RawVector;
using ops::cuda::store_some;
using ops::cuda::store_vector;
using ops::cuda::unpack_vector;

constexpr int kThreads = 256;
constexpr int kGroups = 2;  // a thread's: the second is asked for before the first has come

/// As PyTorch's eager operators compute them: f32 inside, CUDA's own functions, each operator's
/// result rounded. The expressions stand as they do there, so that the compiler contracts them to
/// the same fused multiplications. Source: ATen/native/cuda/ActivationGeluKernel.cu,
/// ActivationSiluKernel.cu, UnarySpecialOpsKernel.cu.
template <class T>
struct Eager {
  static __device__ __forceinline__ float gelu(float x) {
    constexpr float kSqrtHalf = 0.70710678118654752440F;
    return x * 0.5F * (1.0F + erff(x * kSqrtHalf));
  }
  static __device__ __forceinline__ float gelu_tanh(float x) {
    // sqrt(2) * (2 / sqrt(pi)) / 2, in f64 but for the last product.
    constexpr auto kBeta =
        static_cast<float>(1.41421356237309504880 * 1.12837916709551257390 * 0.5);
    constexpr float kKappa = 0.044715F;
    const float cube = x * x * x;
    const float inner = kBeta * (x + kKappa * cube);
    return 0.5F * x * (1.0F + tanhf(inner));
  }
  static __device__ __forceinline__ float sigmoid(float x) { return 1.0F / (1.0F + expf(-x)); }
  /// x * sigmoid(1.702 * x): three operators.
  static __device__ __forceinline__ float fast_gelu(float x) {
    const float argument = round_to<T>(__fmul_rn(1.702F, x));
    return __fmul_rn(x, round_to<T>(sigmoid(argument)));
  }
  static __device__ __forceinline__ float silu(float x) { return x / (1.0F + expf(-x)); }
};

struct Fast {
  static __device__ __forceinline__ float gelu(float x) { return ops::cuda::gelu_erf(x); }
  static __device__ __forceinline__ float gelu_tanh(float x) { return ops::cuda::gelu_tanh(x); }
  static __device__ __forceinline__ float fast_gelu(float x) {
    return ops::cuda::times_sigmoid(x, 1.702F * x);
  }
  static __device__ __forceinline__ float silu(float x) { return ops::cuda::silu(x); }
};

/// The same choice for all threads: a uniform branch around the loop.
template <class Functions>
__device__ __forceinline__ void apply(ActivationKind kind, float (&x)[kVector]) {
  switch (kind) {
    case ActivationKind::gelu:
#pragma unroll
      for (float& v : x) v = Functions::gelu(v);
      break;
    case ActivationKind::gelu_tanh:
#pragma unroll
      for (float& v : x) v = Functions::gelu_tanh(v);
      break;
    case ActivationKind::fast_gelu:
#pragma unroll
      for (float& v : x) v = Functions::fast_gelu(v);
      break;
    case ActivationKind::silu:
#pragma unroll
      for (float& v : x) v = Functions::silu(v);
      break;
  }
}

template <class T>
struct Operands {
  Strided<const T> x, multiplier;
  Strided<T> y;
  RowGroups groups;
  ActivationKind kind;
  bool wide;          // every row is aligned
  bool flat = false;  // and all are one, without gaps
};

template <class T, bool Exact, bool Multiplied>
__device__ __forceinline__ void finish(const Operands<T>& o,
                                       float (&x)[kVector],
                                       const float (&multiplier)[kVector]) {
  if constexpr (Exact) {
    apply<Eager<T>>(o.kind, x);
  } else {
    apply<Fast>(o.kind, x);
  }
  if constexpr (Multiplied) {
#pragma unroll
    for (int e = 0; e < kVector; ++e)
      x[e] = __fmul_rn(Exact ? round_to<T>(x[e]) : x[e], multiplier[e]);
  }
}

/// Of rows that are one: nothing is divided to know which row, and where in it.
template <class T, bool Exact>
__global__ void __launch_bounds__(kThreads)
    activate_flat_kernel(const __grid_constant__ Operands<T> o) {
  const T* const x = o.x.data;
  T* const y = o.y.data;
  const unsigned first = blockIdx.x * (kThreads * kGroups) + threadIdx.x;
  RawVector<T> raw[kGroups];
#pragma unroll
  for (int i = 0; i < kGroups; ++i)
    if (first + i * kThreads < o.groups.total)
      raw[i] = load_raw(x + std::int64_t{first + i * kThreads} * kVector);
#pragma unroll
  for (int i = 0; i < kGroups; ++i) {
    if (first + i * kThreads >= o.groups.total) return;
    float values[kVector];
    unpack_vector<T>(raw[i], values);
    finish<T, Exact, false>(o, values, values);
    store_vector(y + std::int64_t{first + i * kThreads} * kVector, values);
  }
}

template <class T, bool Exact, bool Multiplied>
__global__ void __launch_bounds__(kThreads) activate_kernel(const __grid_constant__ Operands<T> o) {
  const unsigned first = blockIdx.x * (kThreads * kGroups) + threadIdx.x;
  Place place[kGroups];
  RawVector<T> x[kGroups], multiplier[kGroups];
  bool full[kGroups];
#pragma unroll
  for (int i = 0; i < kGroups; ++i) {
    const unsigned group = first + i * kThreads;
    full[i] = false;
    if (group >= o.groups.total) continue;
    place[i] = o.groups.place(group);
    full[i] = o.wide && o.groups.count(place[i]) == kVector;
    if (!full[i]) continue;
    x[i] = load_raw(o.x.at(place[i]));
    if constexpr (Multiplied) multiplier[i] = load_raw(o.multiplier.at(place[i]));
  }
#pragma unroll
  for (int i = 0; i < kGroups; ++i) {
    if (first + i * kThreads >= o.groups.total) return;
    float values[kVector], factors[kVector] = {};
    if (full[i]) {
      unpack_vector<T>(x[i], values);
      if constexpr (Multiplied) unpack_vector<T>(multiplier[i], factors);
    } else {
      load_some(o.x.at(place[i]), o.groups.count(place[i]), values);
      if constexpr (Multiplied)
        load_some(o.multiplier.at(place[i]), o.groups.count(place[i]), factors);
    }
    finish<T, Exact, Multiplied>(o, values, factors);
    if (full[i]) {
      store_vector(o.y.at(place[i]), values);
    } else {
      store_some(o.y.at(place[i]), o.groups.count(place[i]), values);
    }
  }
}

template <class T, bool Exact, bool Multiplied>
void launch(const Operands<T>& operands, cudaStream_t stream) {
  const unsigned blocks = ops::cuda::blocks_for(operands.groups.total, kThreads * kGroups);
  if (!Multiplied && operands.flat) {
    activate_flat_kernel<T, Exact><<<blocks, kThreads, 0, stream>>>(operands);
  } else {
    activate_kernel<T, Exact, Multiplied><<<blocks, kThreads, 0, stream>>>(operands);
  }
  sinter::cuda::check_launch("activate");
}

}  // namespace

void activate(const Activate& op, const ActivateRows& rows, cudaStream_t stream) {
  const bool multiplied = op.multiplier.present(), exact = op.rounding == Rounding::exact;
  ops::cuda::with_element(dtype_of(op.x.type), "activate", [&](auto element) {
    using T = decltype(element);
    Operands<T> operands{.x = strided<const T>(op.x, rows.x),
                         .multiplier = strided<const T>(op.multiplier, rows.multiplier),
                         .y = strided<T>(op.y, rows.y),
                         .groups = RowGroups(rows.x),
                         .kind = op.kind,
                         .wide = has_aligned_rows(op.x, rows.x) && has_aligned_rows(op.y, rows.y) &&
                                 (!multiplied || has_aligned_rows(op.multiplier, rows.multiplier))};
    operands.flat = operands.wide && !multiplied && is_contiguous(op.x) && is_contiguous(op.y) &&
                    rows.x.columns % kVector == 0;
    if (exact) {
      multiplied ? launch<T, true, true>(operands, stream)
                 : launch<T, true, false>(operands, stream);
    } else {
      multiplied ? launch<T, false, true>(operands, stream)
                 : launch<T, false, false>(operands, stream);
    }
  });
}

}  // namespace sinter::fused::cuda
