#pragma once
// The operators' views and tensors as the launchers of kernels take them.

#include <cstdint>

#include "ops/cuda/history.h"
#include "ops/cuda/norm.h"
#include "ops/cuda/rows.h"
#include "ops/view.h"

namespace sinter::ops::cuda {

inline Rows rows_of(const RowView& view) {
  return {view.data, view.dtype, view.rows, view.columns, view.row_stride};
}

inline Rows vector_of(const Tensor& tensor) {
  return {tensor.data, tensor.dtype, 1, tensor.elements(), tensor.elements()};
}

inline Values values_of(const Tensor& tensor) {
  return {tensor.data, tensor.dtype, tensor.elements()};
}

inline HeadVectors vectors_of(const HeadView& view) {
  return {view.data, view.tokens, view.heads, view.dim, view.token_stride, view.head_stride};
}

/// As cuBLASLt takes a matrix: rows at multiples of 16 bytes.
inline bool is_aligned(const RowView& rows) {
  constexpr std::uintptr_t kBytes = 16;
  return reinterpret_cast<std::uintptr_t>(rows.data) % kBytes == 0 &&
         rows.row_stride * static_cast<std::int64_t>(size_of(rows.dtype)) %
                 static_cast<std::int64_t>(kBytes) ==
             0;
}

}  // namespace sinter::ops::cuda
