#pragma once
// Matrix products of rows that lie group by group, each group with a weight of its own: the layers
// of a mixture of experts. How many rows a group has is read on the device, so that nothing waits
// for the routing.

#include <cuda_runtime.h>

#include <cstdint>
#include <span>

#include "core/dtype.h"
#include "ops/activation.h"

namespace sinter::ops::cuda {

struct GroupWeight {
  const void* weight = nullptr;  ///< [out_features, in_features], contiguous
  const void* bias = nullptr;    ///< [out_features]; null for none
};

/// dst[r] = activation(x[r] W_g^T + b_g) for the rows offsets[g] <= r < offsets[g + 1] of each
/// group.
struct GroupedProduct {
  static constexpr std::size_t kMaxGroups = 16;
  std::span<const GroupWeight> groups;  ///< 1..kMaxGroups
  const int* offsets = nullptr;         ///< [groups + 1] on the device, ascending from 0 to `rows`
  std::int64_t rows = 0;
  std::int64_t in_features = 0;               ///< a multiple of 64
  std::int64_t out_features = 0;              ///< a multiple of 8
  const void* x = nullptr;                    ///< [rows, in_features]
  void* dst = nullptr;                        ///< [rows, out_features]; must not overlap x
  std::int64_t x_stride = 0, dst_stride = 0;  ///< from row to row, in elements
  Activation activation = Activation::none;
  DType dtype = DType::f16;  ///< of every operand: f16 or bf16; sums are f32
};

/// All rows and weights start at multiples of 16 bytes. Queues on the stream. Raises
/// ErrorCode::invalid_argument for what is outside these limits, ErrorCode::device where the launch
/// fails.
void grouped_product(const GroupedProduct& product, cudaStream_t stream);

}  // namespace sinter::ops::cuda
