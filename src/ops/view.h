#pragma once
// Strided views of activations. A Tensor is contiguous; these two are what an operator takes where
// a slice of a wider tensor must be read or written without a copy.

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "core/tensor.h"

namespace sinter::ops {

/// Rows with a stride: element (r, c) is data[r * row_stride + c]. Owns nothing. A Tensor [..., C]
/// converts to the view of all its rows. On the host always f32; on a device f32, f16 or bf16, and
/// e4m3 what a product reads.
struct RowView {
  void* data = nullptr;
  DType dtype = DType::f32;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t row_stride = 0;  ///< in elements, at least `columns`
  Device device = Device::cpu;
  std::string_view name = {};

  RowView() = default;
  /// Every row of a tensor. Raises ErrorCode::invalid_argument for rank 0 or another dtype.
  RowView(const Tensor& tensor);  // NOLINT(google-explicit-constructor): a Tensor is a RowView

  /// Row `index`, on the host.
  float* row(std::int64_t index) const { return static_cast<float*>(data) + index * row_stride; }
};

/// Columns [begin, end) of every row. Raises ErrorCode::invalid_argument where they are outside.
RowView columns(const RowView& rows, std::int64_t begin, std::int64_t end);

/// Rows [begin, end). Raises ErrorCode::invalid_argument where they are outside.
RowView rows_of(const RowView& rows, std::int64_t begin, std::int64_t end);

/// Vectors of attention heads: element (token, head, i) is
/// data[token * token_stride + head * head_stride + i]. Owns nothing. Types as in RowView.
struct HeadView {
  void* data = nullptr;
  DType dtype = DType::f32;
  std::int64_t tokens = 0;
  std::int64_t heads = 0;
  std::int64_t dim = 0;           ///< channels of one head, contiguous
  std::int64_t token_stride = 0;  ///< in elements
  std::int64_t head_stride = 0;   ///< in elements, at least `dim`
  Device device = Device::cpu;
  std::string_view name = {};

  /// The vector of a token's head, on the host.
  float* at(std::int64_t token, std::int64_t head) const {
    return static_cast<float*>(data) + token * token_stride + head * head_stride;
  }
};

/// Heads inside a row: head h of each row is columns [first + h * stride, first + h * stride +
/// dim). Raises ErrorCode::invalid_argument where the last head ends outside the row or heads
/// overlap.
///
/// Fused layouts, d = channels of a head, n = heads, H = n * d:
///   [q|k|v][head][d] (DiT):           q = heads_of(y, n, d, 0, d), k at H, v at 2 H
///   [head][q|k|v][d] (VAE, self):     q = heads_of(y, n, d, 0, 3 d), k at d, v at 2 d
///   [head][k|v][d]   (VAE, cross):    k = heads_of(y, n, d, 0, 2 d), v at d
///   [head][d]        (plain):         heads_of(y, n, d)
HeadView heads_of(const RowView& rows,
                  std::int64_t heads,
                  std::int64_t dim,
                  std::int64_t first,
                  std::int64_t stride);
HeadView heads_of(const RowView& rows, std::int64_t heads, std::int64_t dim);

/// Tokens [begin, end) of a view.
HeadView tokens_of(const HeadView& view, std::int64_t begin, std::int64_t end);

/// Up to four views that stand for one sequence: the tokens of the first, then those of the second,
/// and so on. Lets joint attention run over concat(condition, latents) without the concatenation.
class HeadList {
 public:
  static constexpr std::size_t kMaxSegments = 4;
  HeadList(const HeadView& view);  // NOLINT(google-explicit-constructor)
  /// Raises ErrorCode::invalid_argument for none, more than kMaxSegments, or views that differ in
  /// heads, dim or device.
  HeadList(std::initializer_list<HeadView> views);

  std::span<const HeadView> segments() const { return {segments_.data(), count_}; }
  std::int64_t tokens() const;
  std::int64_t heads() const { return segments_[0].heads; }
  std::int64_t dim() const { return segments_[0].dim; }
  Device device() const { return segments_[0].device; }

 private:
  std::array<HeadView, kMaxSegments> segments_{};
  std::size_t count_ = 0;
};

}  // namespace sinter::ops
