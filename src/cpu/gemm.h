#pragma once
// f32 matrix product with a packed right-hand side: C = epilogue(A B^T), A [m, k], B [n, k].
//
// Each element of C is one chain of fused multiply-adds over k in ascending order (for n == 1: one
// dot product in a fixed order), so its bytes depend neither on m, nor on the other rows, nor on
// the number of threads.

#include <cstdint>

#include "core/context.h"
#include "cpu/kernels.h"

namespace sinter::cpu {

/// Floats of a packed [n, k] matrix: whole panels, or the row itself for n == 1.
constexpr std::int64_t packed_size(std::int64_t n, std::int64_t k) {
  return n == 1 ? k : (n + kPanel - 1) / kPanel * kPanel * k;
}

/// Packs rows [row, row + count) of a matrix [n, k] into panels [ceil(n / kPanel)][k][kPanel];
/// `src` points to the first of them, rows are `stride` apart. The padding of the last panel is
/// zeroed together with row n - 1.
void pack_panel_rows(const float* src,
                     std::int64_t stride,
                     std::int64_t row,
                     std::int64_t count,
                     std::int64_t n,
                     std::int64_t k,
                     float* packed);

/// As pack_panel_rows for contiguous rows, in the layout of gemm(): a single row stays as it is.
void pack_rows(const float* src,
               std::int64_t row,
               std::int64_t count,
               std::int64_t n,
               std::int64_t k,
               float* packed);

struct GemmShape {
  std::int64_t m, n, k;
};

/// a: m rows of k values, lda apart; c: m rows of n values, ldc apart; c must not overlap a.
/// Scratch comes from the context's arena.
void gemm(Context& ctx,
          const GemmShape& shape,
          const float* a,
          std::int64_t lda,
          const float* packed_b,
          float* c,
          std::int64_t ldc,
          const Epilogue& epilogue,
          const Kernels& table = kernels());

}  // namespace sinter::cpu
