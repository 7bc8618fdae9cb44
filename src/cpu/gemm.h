#pragma once
// f32 matrix product with a packed right-hand side: C = epilogue(A B^T), A [m, k], B [n, k].
//
// Each element of C is one chain of fused multiply-adds over k in ascending order, cut into blocks
// of kDepthBlock: the bytes do not depend on m, on the neighbours or on the number of threads.

#include <cstddef>
#include <cstdint>

namespace sinter::cpu {

/// Columns of C that a packed panel holds. B is stored as ceil(n / kPanel) panels of [k][kPanel];
/// the columns past n are zero.
inline constexpr std::int64_t kPanel = 32;

constexpr std::int64_t panel_count(std::int64_t n) {
  return (n + kPanel - 1) / kPanel;
}
/// Floats of a packed [n, k] matrix.
constexpr std::int64_t packed_size(std::int64_t n, std::int64_t k) {
  return panel_count(n) * kPanel * k;
}

/// Packs rows [row, row + count) of B; `src` points to the first of them, rows are `stride` apart.
/// The padding of the last panel is written together with row n - 1.
void pack_rows(const float* src,
               std::int64_t stride,
               std::int64_t row,
               std::int64_t count,
               std::int64_t n,
               std::int64_t k,
               float* packed);

enum class Pointwise { none, gelu_erf, gelu_tanh, silu };

/// y = pointwise(sum + bias); then c = y, or c += gate * y.
struct Epilogue {
  const float* bias = nullptr;  ///< [n] or null
  Pointwise pointwise = Pointwise::none;
  bool accumulate = false;      ///< add to C instead of overwriting it
  const float* gate = nullptr;  ///< [n] or null for 1; with accumulate only
};

/// a: m rows of k values, lda apart; c: m rows of n values, ldc apart. c must not overlap a.
void gemm(int threads,
          std::int64_t m,
          std::int64_t n,
          std::int64_t k,
          const float* a,
          std::int64_t lda,
          const float* packed_b,
          float* c,
          std::int64_t ldc,
          const Epilogue& epilogue);

}  // namespace sinter::cpu
