#pragma once
// The inner loops of the CPU back end, once for each instruction set, behind a table of pointers.
// They know raw pointers and strides only; they check nothing, allocate nothing and start no
// thread.

#include <cstddef>
#include <cstdint>

namespace sinter::cpu {

// --- matrix product
// -------------------------------------------------------------------------------

/// Columns of C that a packed panel of B holds.
inline constexpr std::int64_t kPanel = 32;
/// Rows of B (depth) after which the sums of C are set aside: 64 KiB of a panel.
inline constexpr std::int64_t kDepthBlock = 512;

enum class Pointwise { none, gelu_erf, gelu_tanh, silu };

/// y = pointwise(sum + bias); then c = y, or c += gate * y.
struct Epilogue {
  const float* bias = nullptr;  ///< [n] or null
  Pointwise pointwise = Pointwise::none;
  bool accumulate = false;      ///< add to C instead of overwriting it
  const float* gate = nullptr;  ///< [n] or null for 1; with accumulate only
};

/// Rows of A that pass over a panel together: at most 112, fewer where a row is so long that the
/// block would not stay in a second-level cache of 1 MiB and more.
static constexpr std::int64_t gemm_block_rows(std::int64_t k) {
  const std::int64_t fit = (std::int64_t{1} << 18) / (k < 1 ? 1 : k) / 14 * 14;
  return fit < 28 ? 28 : (fit > 112 ? 112 : fit);
}
/// Distance of rows in the copy of a block: a line more than the row, so that rows do not fall onto
/// the same cache lines.
static constexpr std::int64_t gemm_copy_pitch(std::int64_t k) {
  return (k + 15) / 16 * 16 + 16;
}
/// Floats of scratch that gemm_rows needs.
static constexpr std::int64_t gemm_scratch_size(std::int64_t k) {
  return gemm_block_rows(k) * (kPanel + gemm_copy_pitch(k));
}

struct GemmTask {
  std::int64_t m, n, k;
  const float* a;  ///< m rows of k, lda apart
  std::int64_t lda;
  const float* b;  ///< packed panels [ceil(n / kPanel)][k][kPanel]; for n == 1 the k values
  float* c;        ///< m rows of n, ldc apart
  std::int64_t ldc;
  std::int64_t panel_begin, panel_end;  ///< the panels of B, hence columns of C, to compute
  Epilogue epilogue;
  float* scratch;  ///< gemm_scratch_size(k) floats, 64-byte aligned
};

// --- attention
// ------------------------------------------------------------------------------------

/// Queries and keys of one block.
inline constexpr std::int64_t kQueryBlock = 56;
inline constexpr std::int64_t kKeyBlock = 256;

/// Floats of scratch that `attend` needs.
static constexpr std::int64_t attend_scratch_size(std::int64_t dim) {
  const std::int64_t padded = (dim + kPanel - 1) / kPanel * kPanel;
  return kQueryBlock * (2 * padded + kKeyBlock + 2);
}

/// At most kQueryBlock queries of one head against all its keys.
struct AttendTask {
  const float* q;  ///< [rows][dim], q_stride apart
  std::int64_t q_stride;
  std::int64_t rows, dim, keys;
  const float* k;    ///< panels [ceil(keys / kPanel)][dim][kPanel]
  const float* v;    ///< panels [ceil(dim / kPanel)][keys][kPanel]
  float scale;       ///< of the logits, times log2 e
  float first_bias;  ///< added to the scaled logit of key 0, times log2 e
  float* dst;        ///< [rows][dim], dst_stride apart; may be q
  std::int64_t dst_stride;
  float* scratch;  ///< attend_scratch_size(dim) floats, 64-byte aligned
};

// --- rows
// -----------------------------------------------------------------------------------------

/// y = (x - mean) / sqrt(var + eps) * (offset + multiply) + add for each of `rows` rows.
struct NormTask {
  const float* x;
  std::int64_t x_stride;
  float* y;  ///< may be x
  std::int64_t y_stride;
  std::int64_t rows, count;
  float eps;
  const float* multiply;  ///< [count] or null for 0
  float offset;
  const float* add;  ///< [count] or null for 0
};

struct FourierTask {
  const float* points;  ///< [count][3]
  std::int64_t count;
  int num_freqs;  ///< at most 16
  float base;     ///< frequencies base * 2^j
  float* dst;     ///< [count][3 + 6 num_freqs]
};

/// Largest element and the lowest index that holds it.
struct Farthest {
  float distance;
  std::int64_t index;
};

struct Kernels {
  const char* name;
  void (*gemm_rows)(const GemmTask&);
  /// For n == 1.
  void (*gemm_column)(const GemmTask&);
  void (*attend)(const AttendTask&);
  void (*layer_norm)(const NormTask&);
  /// As layer_norm without mean: x / sqrt(mean(x^2) + eps) * (offset + multiply) + add.
  void (*rms_norm)(const NormTask&);
  void (*fourier)(const FourierTask&);
  void (*activate)(float* x, std::int64_t count, Pointwise pointwise);
  /// y = silu(a) * b
  void (*silu_mul)(const float* a, const float* b, float* y, std::int64_t count);
  /// x += y
  void (*add)(float* x, const float* y, std::int64_t count);
  /// x += gate * y
  void (*add_gated)(float* x, const float* gate, const float* y, std::int64_t count);
  /// x += factor * y
  void (*add_scaled)(float* x, float factor, const float* y, std::int64_t count);
  /// x *= factor
  void (*scale)(float* x, float factor, std::int64_t count);
  /// x += factor * (y - x)
  void (*blend)(float* x, float factor, const float* y, std::int64_t count);
  /// distance[i] = min(distance[i], |p_i - point|^2) for i in [begin, end), p given as three
  /// arrays; returns the farthest of them.
  Farthest (*farthest)(const float* const xyz[3],
                       const float point[3],
                       float* distance,
                       std::int64_t begin,
                       std::int64_t end);
};

/// The best table that this processor can run.
const Kernels& kernels();

/// Every table that this processor can run, plainest first; null ends the list. For tests.
const Kernels* const* all_kernels();

/// Makes kernels() return `table` from now on. For tests and benchmarks; not while an operator
/// runs.
void use_kernels(const Kernels& table);

}  // namespace sinter::cpu
