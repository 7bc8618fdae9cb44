#pragma once
// What the fused operators share on the host's side: descriptions of arrays, the checks that refuse
// one, and how a modulating vector is found from a row. Public names: sinter/ops.h.

#include <string>

#include "core/dtype.h"
#include "core/error.h"
#include "sinter/ops.h"

namespace sinter::fused {

inline bool is_floating(ElementType type) {
  return type == ElementType::f32 || type == ElementType::f16 || type == ElementType::bf16;
}
DType dtype_of(ElementType type);
std::int64_t elements_of(const Array& x);

/// "f16 [2, 3] on the host", with strides where it is not contiguous.
std::string describe(const Array& x);

bool same_shape(const Array& x, const Array& y);
bool is_contiguous(const Array& x);
/// Each of them starts at a multiple of `bytes`: its data and every row.
bool is_aligned(const Array& x, std::size_t bytes);

/// The message of a refusal: "expected `expected` for `name`, got `describe(x)`".
std::string unlike(const char* name, const std::string& expected, const Array& x);

/// Empty, or why x is not what every operand must be: data where it has elements, floating
/// elements, positive extents, strides that do not overlap rows, on `device`.
std::string refuse_operand(const char* name, const Array& x, int device);

/// Empty, or why nothing runs where x lies: a device, in a build without CUDA.
std::string refuse_device(const Array& x);

/// x as rows: [B, S, D] of x [B, S, D], or of x [S, D] with B = 1; x of another rank likewise, its
/// leading dimensions as one.
struct RowShape {
  std::int64_t samples = 0, tokens = 0, columns = 0;
  std::int64_t sample_stride = 0, token_stride = 0;
};
/// Empty and `shape` filled, or why x is no [B, S, D] or [S, D] with a contiguous last axis, nor
/// for another rank what read_flat() takes.
std::string read_rows(const char* name, const Array& x, RowShape& shape);

/// Empty and `shape` filled with one sample, or why x of any rank is no rows at one stride with a
/// contiguous last axis.
std::string read_flat(const char* name, const Array& x, RowShape& shape);

/// Empty, or why x's rows are more than a device's kernels count: fewer than 2^31 groups of eight
/// columns.
std::string refuse_groups(const Array& x, const RowShape& rows);

/// Where a modulating vector lies: element d for token s of sample b is
///     data[b * sample_stride + s / tokens_each * token_stride + d * column_stride].
/// An absent one has data null.
struct Modulation {
  const void* data = nullptr;
  ElementType type = ElementType::f32;
  std::int64_t sample_stride = 0, token_stride = 0, tokens_each = 1;
  int column_stride = 1;  ///< 0: one number
};
/// Empty and `modulation` filled, or why v does not fit rows of that shape: see sinter/ops.h.
std::string read_modulation(
    const char* name, const Array& v, const RowShape& rows, int rank_of_x, Modulation& modulation);

/// Raises ErrorCode::invalid_argument: "[operator] `refusal`", where that is not empty.
void require(const char* who, const std::string& refusal);

/// Threads for the host: all where the execution does not say.
int threads_of(const Execution& execution);

}  // namespace sinter::fused
