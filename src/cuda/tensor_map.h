#pragma once
// Descriptors of the tensor copy engine (TMA): what a bulk copy to shared memory reads.

#include <cuda.h>

#include <cstdint>

#include "core/dtype.h"

namespace sinter::cuda {

/// Vectors of attention heads: element (token, head, i) is data[token * token_stride + head *
/// head_stride + i].
struct HeadRows {
  const void* data = nullptr;
  std::int64_t tokens = 0;
  std::int64_t heads = 0;
  std::int64_t dim = 0;           ///< a multiple of kSwizzleColumns
  std::int64_t token_stride = 0;  ///< in elements
  std::int64_t head_stride = 0;   ///< in elements
};

/// 16-bit elements in a row of a 128-byte-swizzled tile.
inline constexpr int kSwizzleColumns = 64;

/// A map whose box is `box_tokens` tokens of one head, kSwizzleColumns channels wide, in the
/// 128-byte swizzle that wgmma reads: coordinates (channel, head, token). Tokens past the end read
/// as zero. dtype f16 or bf16; data and both strides must be multiples of 16 bytes. Raises
/// ErrorCode::invalid_argument or ErrorCode::device.
CUtensorMap head_rows_map(const HeadRows& rows, DType dtype, int box_tokens, const char* operation);

}  // namespace sinter::cuda
