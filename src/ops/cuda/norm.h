#pragma once
// Normalisations of rows on the GPU, fused with what stands around them in a transformer
// block. Sums are f32, two passes over registers (the mean first, then the centred squares), one
// rounding at the end.
//
// Upstream: sgl-kernel and diffusion/layernorm of SGLang name the same fusions; here one warp holds
// a row in registers, and the rows of both streams of a double block go through one launch.

#include <cuda_runtime.h>

#include <array>
#include <cstdint>

#include "core/dtype.h"
#include "ops/cuda/rows.h"

namespace sinter::ops::cuda {

/// Rows that share one modulation: `rows` of them, following those of the group before.
struct ModulatedGroup {
  std::int64_t rows = 0;
  const void* shift = nullptr;  ///< [C]
  const void* scale = nullptr;  ///< [C]
  const void* gate = nullptr;   ///< [C], read by add_gated_layer_norm_modulate() alone
};

/// Up to two groups, one after the other; the second may be empty.
struct ModulatedRows {
  static constexpr int kMaxGroups = 2;
  std::array<ModulatedGroup, kMaxGroups> groups{};
  std::int64_t columns = 0;  ///< C: a multiple of 8, at most kMaxNormColumns
  DType dtype = DType::f16;  ///< of rows and vectors: f16 or bf16
  bool narrow = false;       ///< dst is e4m3; what is beyond 448 becomes it
  float eps = 1e-6F;

  std::int64_t rows() const { return groups[0].rows + groups[1].rows; }
};

inline constexpr std::int64_t kMaxNormColumns = 4096;

/// dst = (1 + scale) * (x - mean) / sqrt(var + eps) + shift. x and dst [rows, C], contiguous,
/// 16-byte aligned; dst may be x where it has its type. Raises ErrorCode::invalid_argument for what
/// is outside these limits, ErrorCode::device where the launch fails.
void layer_norm_modulate(const ModulatedRows& rows, const void* x, void* dst, cudaStream_t stream);

/// residual += gate * x, rounded, and dst = the modulated norm of it: the end of one branch and the
/// start of the next in one pass. dst may be x.
void add_gated_layer_norm_modulate(
    const ModulatedRows& rows, void* residual, const void* x, void* dst, cudaStream_t stream);

/// dst = (src - mean) / sqrt(var + eps) * weight + bias. Rows as rows.h has them, of at most
/// kMaxNormColumns columns; dst has src's dtype, or one of the two is f32. weight and bias [C] of
/// dst's dtype, or both null for the norm alone. dst may be src.
void layer_norm(const Rows& dst,
                const Rows& src,
                const void* weight,
                const void* bias,
                float eps,
                cudaStream_t stream);

/// Head vectors inside rows: vector (row, head) begins at data + row * row_stride + head *
/// head_stride.
struct HeadVectors {
  void* data = nullptr;
  std::int64_t rows = 0, heads = 0;
  std::int64_t dim = 0;                          ///< 64 or 128
  std::int64_t row_stride = 0, head_stride = 0;  ///< in elements; multiples of 8
};

/// In place on each head vector: x / sqrt(mean(x^2) + eps) * weight, weight [dim] of `dtype` (f16
/// or bf16) shared by all heads. The second form takes queries and keys of equal shapes and strides
/// in one launch.
void rms_norm_heads(
    const HeadVectors& x, const void* weight, DType dtype, float eps, cudaStream_t stream);
void rms_norm_heads(const HeadVectors& q,
                    const HeadVectors& k,
                    const void* q_weight,
                    const void* k_weight,
                    DType dtype,
                    float eps,
                    cudaStream_t stream);

struct HeadWeights {
  const void *weight = nullptr, *bias = nullptr;  ///< [dim]
};

/// In place on each head vector: (x - mean) / sqrt(var + eps) * weight + bias, else as
/// rms_norm_heads().
void layer_norm_heads(const HeadVectors& x,
                      const void* weight,
                      const void* bias,
                      DType dtype,
                      float eps,
                      cudaStream_t stream);
void layer_norm_heads(const HeadVectors& q,
                      const HeadVectors& k,
                      const HeadWeights& q_weights,
                      const HeadWeights& k_weights,
                      DType dtype,
                      float eps,
                      cudaStream_t stream);

}  // namespace sinter::ops::cuda
