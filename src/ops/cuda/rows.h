#pragma once
// Copies, sums, products and activations of strided rows on the GPU. f32 inside, one rounding at
// the end. The semantics are those of ops/elementwise.h and ops/activation.h.
//
// Any number of columns, any alignment; fastest where every row starts at a multiple of 16 bytes
// and the columns are a multiple of 8. All queue on the stream and return. They raise
// ErrorCode::invalid_argument for shapes that do not fit together, ErrorCode::device where the
// launch fails.

#include <cuda_runtime.h>

#include <cstdint>

#include "core/dtype.h"
#include "ops/activation.h"

namespace sinter::ops::cuda {

/// Element (r, c) is data[r * row_stride + c]. Owns nothing.
struct Rows {
  void* data = nullptr;
  DType dtype = DType::f16;  ///< f32, f16 or bf16
  std::int64_t rows = 0, columns = 0;
  std::int64_t row_stride = 0;  ///< in elements, at least `columns`
};

/// dst = src, converted. Columns of dst beyond those of src become zero: the padding of a product's
/// operand.
void copy(const Rows& dst, const Rows& src, cudaStream_t stream);

/// x += y. A y of one row is added to every row of x.
void add(const Rows& x, const Rows& y, cudaStream_t stream);

/// x += gate * y; gate is one row.
void add_gated(const Rows& x, const Rows& gate, const Rows& y, cudaStream_t stream);

/// x *= factor.
void scale(const Rows& x, float factor, cudaStream_t stream);

/// x += factor * y, the Euler step of the sampler. The factor is read from device memory when the
/// kernel runs, so that a captured graph can be replayed with another.
void add_scaled(const Rows& x, const float* factor, const Rows& y, cudaStream_t stream);

/// unconditional += guidance * (conditional - unconditional): classifier-free guidance.
void guide(const Rows& unconditional, const Rows& conditional, float guidance, cudaStream_t stream);

void activate(const Rows& x, Activation activation, cudaStream_t stream);

/// x = activation(x + bias), bias one row: the end of a product for the activations that cuBLASLt
/// has not.
void add_bias_activate(const Rows& x, const Rows& bias, Activation activation, cudaStream_t stream);

/// SwiGLU: dst [R, F] = silu(a) * b for src [R, 2 F] of rows (a | b); equal dtypes. dst must not
/// overlap src.
void silu_mul(const Rows& dst, const Rows& src, cudaStream_t stream);

/// dst (one row) = row *index of the table, converted. `index` lies on the device, is read when the
/// kernel runs and must be a row of the table.
void select_row(const Rows& dst, const Rows& table, const int* index, cudaStream_t stream);

/// x += 1, one number.
void increment(int* x, cudaStream_t stream);

}  // namespace sinter::ops::cuda
