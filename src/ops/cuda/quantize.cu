#include "core/error.h"
#include "cuda/status.h"
#include "ops/cuda/activation.cuh"
#include "ops/cuda/e4m3.cuh"
#include "ops/cuda/launch.h"
#include "ops/cuda/quantize.h"
#include "ops/cuda/row_sum.cuh"

namespace sinter::ops::cuda {

namespace {

constexpr int kThreads = 256;

/// One thread takes eight columns.
template <class T>
__global__ void __launch_bounds__(kThreads) quantize_kernel(__nv_fp8_e4m3* dst,
                                                            std::int64_t dst_stride,
                                                            const T* src,
                                                            std::int64_t src_stride,
                                                            unsigned groups_per_row,
                                                            unsigned groups,
                                                            float factor,
                                                            Activation activation) {
  const unsigned group = blockIdx.x * kThreads + threadIdx.x;
  if (group >= groups) return;
  const std::int64_t row = group / groups_per_row;
  const unsigned column = group % groups_per_row * kVector;
  float x[kVector];
  load_vector(src + row * src_stride + column, x);
  activate(activation, x);
  store_vector(dst + row * dst_stride + column, x, factor);
}

/// One warp a row. Sizes are not negative, so their bits have their order.
template <class T>
__global__ void __launch_bounds__(kThreads)
    measure_kernel(unsigned* extent, const T* src, std::int64_t stride, int rows, int columns) {
  const int row =
      static_cast<int>(blockIdx.x) * (kThreads / kWarp) + static_cast<int>(threadIdx.x) / kWarp;
  if (row >= rows) return;
  float most = 0.0F, squares = 0.0F;
  for (int column = static_cast<int>(threadIdx.x) % kWarp * kVector; column < columns;
       column += kWarp * kVector) {
    float x[kVector];
    load_vector(src + row * stride + column, x);
#pragma unroll
    for (float v : x) {
      most = fmaxf(most, fabsf(v));
      squares = fmaf(v, v, squares);
    }
  }
  squares = lanes_sum<kWarp>(squares);
  atomicMax(&extent[0], __float_as_uint(most));
  if (threadIdx.x % kWarp == 0) atomicMax(&extent[1], __float_as_uint(sqrtf(squares)));
}

void check_source(const char* who, const Rows& src) {
  check_rows(who, "src", src, src.rows, src.columns);
  SINTER_CHECK(aligned(src) && src.columns % kVector == 0,
               ErrorCode::invalid_argument,
               "[",
               who,
               "] src: expected a multiple of ",
               kVector,
               " columns and rows that start at a multiple of 16 bytes, got ",
               src.columns,
               " columns with a stride of ",
               src.row_stride);
}

}  // namespace

void quantize(
    const Rows& dst, const Rows& src, float factor, Activation activation, cudaStream_t stream) {
  check_source("quantize", src);
  check_rows("quantize", "dst", dst, src.rows, src.columns);
  SINTER_CHECK(dst.dtype == DType::f8_e4m3 &&
                   reinterpret_cast<std::uintptr_t>(dst.data) % kVector == 0 &&
                   dst.row_stride % kVector == 0,
               ErrorCode::invalid_argument,
               "[quantize] dst: expected rows of e4m3 that start at a multiple of ",
               kVector,
               " bytes, got ",
               to_string(dst.dtype),
               " with a stride of ",
               dst.row_stride);
  if (src.rows == 0) return;
  const std::int64_t per_row = src.columns / kVector, groups = src.rows * per_row;
  with_element(src.dtype, "quantize", [&](auto element) {
    using T = decltype(element);
    quantize_kernel<T><<<blocks_for(groups, kThreads), kThreads, 0, stream>>>(
        static_cast<__nv_fp8_e4m3*>(dst.data),
        dst.row_stride,
        static_cast<const T*>(src.data),
        src.row_stride,
        static_cast<unsigned>(per_row),
        static_cast<unsigned>(groups),
        factor,
        activation);
    sinter::cuda::check_launch("quantize");
  });
}

void measure_rows(float* extent, const Rows& src, cudaStream_t stream) {
  check_source("measure_rows", src);
  if (src.rows == 0) return;
  with_element(src.dtype, "measure_rows", [&](auto element) {
    using T = decltype(element);
    measure_kernel<T><<<blocks_for(src.rows, kThreads / kWarp), kThreads, 0, stream>>>(
        reinterpret_cast<unsigned*>(extent),
        static_cast<const T*>(src.data),
        src.row_stride,
        static_cast<int>(src.rows),
        static_cast<int>(src.columns));
    sinter::cuda::check_launch("measure_rows");
  });
}

}  // namespace sinter::ops::cuda
