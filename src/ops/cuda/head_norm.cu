#include "core/error.h"
#include "cuda/status.h"
#include "ops/cuda/launch.h"
#include "ops/cuda/norm.h"
#include "ops/cuda/pack.cuh"
#include "ops/cuda/row_sum.cuh"

namespace sinter::ops::cuda {

namespace {

constexpr int kThreads = 128;

template <class T>
struct HeadNorm {
  T* data;
  const T *weight, *bias;
};

/// Dim / 8 lanes a head vector, so that a warp takes several. Block row 0 norms q, block row 1 k.
template <class T, int Dim, bool Centred>
__global__ void __launch_bounds__(kThreads) head_norm_kernel(const HeadNorm<T> q,
                                                             const HeadNorm<T> k,
                                                             int vectors,
                                                             int heads,
                                                             std::int64_t row_stride,
                                                             std::int64_t head_stride,
                                                             float eps) {
  constexpr int kLanes = Dim / kVector;
  const int vector = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x) / kLanes;
  const int column = static_cast<int>(threadIdx.x) % kLanes * kVector;
  const bool present = vector < vectors;
  const bool first = blockIdx.y == 0;
  T* const data = (first ? q.data : k.data) + vector / heads * row_stride +
                  vector % heads * head_stride + column;
  float value[kVector] = {}, weight[kVector], bias[kVector] = {};
  if (present) load_vector(data, value);
  load_vector((first ? q.weight : k.weight) + column, weight);
  if constexpr (Centred) {
    load_vector((first ? q.bias : k.bias) + column, bias);
    float sum = 0.0F;
#pragma unroll
    for (int e = 0; e < kVector; ++e) sum += value[e];
    const float mean = lanes_sum<kLanes>(sum) / Dim;
#pragma unroll
    for (int e = 0; e < kVector; ++e) value[e] -= mean;
  }
  float squares = 0.0F;
#pragma unroll
  for (int e = 0; e < kVector; ++e) squares = fmaf(value[e], value[e], squares);
  const float inverse = rsqrtf(lanes_sum<kLanes>(squares) / Dim + eps);
#pragma unroll
  for (int e = 0; e < kVector; ++e) value[e] = fmaf(value[e] * inverse, weight[e], bias[e]);
  if (present) store_vector(data, value);
}

/// One or two sets of head vectors with their vectors.
struct Call {
  HeadVectors q, k;  // k without data: q alone
  const void *q_weight, *q_bias, *k_weight, *k_bias;
  bool centred;
};

void check(const Call& call, DType dtype) {
  const HeadVectors &q = call.q, &k = call.k;
  const bool same =
      k.data == nullptr || (q.rows == k.rows && q.heads == k.heads && q.dim == k.dim &&
                            q.row_stride == k.row_stride && q.head_stride == k.head_stride);
  SINTER_CHECK(is_16_bit(dtype) && same && (q.dim == 64 || q.dim == 128) && q.heads > 0 &&
                   q.rows * q.heads < std::int64_t{1} << 28,
               ErrorCode::invalid_argument,
               "[head norm] expected f16 or bf16 head vectors of equal shapes, heads of 64 or 128, "
               "got ",
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
               k.dim,
               ", ",
               to_string(dtype));
  const auto complete = [&](const HeadVectors& x, const void* weight, const void* bias) {
    return x.data != nullptr && aligned(x.data) && weight != nullptr && aligned(weight) &&
           (!call.centred || bias != nullptr) && aligned(bias);
  };
  SINTER_CHECK(complete(q, call.q_weight, call.q_bias) &&
                   (k.data == nullptr || complete(k, call.k_weight, call.k_bias)) &&
                   q.row_stride % kVector == 0 && q.head_stride % kVector == 0,
               ErrorCode::invalid_argument,
               "[head norm] expected head vectors and weights that start at a multiple of 16 "
               "bytes, and every weight");
}

template <class T, int Dim, bool Centred>
void launch(const Call& call, float eps, cudaStream_t stream) {
  const auto side = [](const HeadVectors& x, const void* weight, const void* bias) {
    return HeadNorm<T>{
        static_cast<T*>(x.data), static_cast<const T*>(weight), static_cast<const T*>(bias)};
  };
  const std::int64_t vectors = call.q.rows * call.q.heads;
  const dim3 grid(static_cast<unsigned>(blocks_for(vectors * (Dim / kVector), kThreads)),
                  call.k.data == nullptr ? 1 : 2);
  head_norm_kernel<T, Dim, Centred>
      <<<grid, kThreads, 0, stream>>>(side(call.q, call.q_weight, call.q_bias),
                                      side(call.k, call.k_weight, call.k_bias),
                                      static_cast<int>(vectors),
                                      static_cast<int>(call.q.heads),
                                      call.q.row_stride,
                                      call.q.head_stride,
                                      eps);
  sinter::cuda::check_launch("head norm");
}

void run(const Call& call, DType dtype, float eps, cudaStream_t stream) {
  check(call, dtype);
  if (call.q.rows == 0) return;
  const auto with_dim = [&](auto element, auto dim) {
    using T = decltype(element);
    constexpr int kDim = decltype(dim)::value;
    call.centred ? launch<T, kDim, true>(call, eps, stream)
                 : launch<T, kDim, false>(call, eps, stream);
  };
  const auto with_type = [&](auto element) {
    call.q.dim == 64 ? with_dim(element, std::integral_constant<int, 64>{})
                     : with_dim(element, std::integral_constant<int, 128>{});
  };
  dtype == DType::f16 ? with_type(__half{}) : with_type(__nv_bfloat16{});
}

}  // namespace

void rms_norm_heads(
    const HeadVectors& x, const void* weight, DType dtype, float eps, cudaStream_t stream) {
  run({x, {}, weight, nullptr, nullptr, nullptr, false}, dtype, eps, stream);
}

void rms_norm_heads(const HeadVectors& q,
                    const HeadVectors& k,
                    const void* q_weight,
                    const void* k_weight,
                    DType dtype,
                    float eps,
                    cudaStream_t stream) {
  run({q, k, q_weight, nullptr, k_weight, nullptr, false}, dtype, eps, stream);
}

void layer_norm_heads(const HeadVectors& x,
                      const void* weight,
                      const void* bias,
                      DType dtype,
                      float eps,
                      cudaStream_t stream) {
  run({x, {}, weight, bias, nullptr, nullptr, true}, dtype, eps, stream);
}

void layer_norm_heads(const HeadVectors& q,
                      const HeadVectors& k,
                      const HeadWeights& q_weights,
                      const HeadWeights& k_weights,
                      DType dtype,
                      float eps,
                      cudaStream_t stream) {
  run({q, k, q_weights.weight, q_weights.bias, k_weights.weight, k_weights.bias, true},
      dtype,
      eps,
      stream);
}

}  // namespace sinter::ops::cuda
