#pragma once
// What the launchers of row kernels share. Internal to the room.

#include <cstdint>

#include "core/error.h"
#include "ops/cuda/rows.h"

namespace sinter::ops::cuda {

inline int blocks_for(std::int64_t items, std::int64_t per_block) {
  return static_cast<int>((items + per_block - 1) / per_block);
}

/// 16 bytes, the widest access. Null is aligned.
inline bool aligned(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0;
}

inline bool is_16_bit(DType dtype) {
  return dtype == DType::f16 || dtype == DType::bf16;
}

/// Every row starts at a multiple of 16 bytes.
inline bool aligned(const Rows& x) {
  const std::int64_t bytes = x.row_stride * static_cast<std::int64_t>(size_of(x.dtype));
  return aligned(x.data) && (x.rows == 1 || bytes % 16 == 0);
}

/// `rows` x `columns` in memory. Fewer than 2^31 rows and groups of eight columns, the range of a
/// kernel's indices.
inline void check_rows(
    const char* who, const char* what, const Rows& x, std::int64_t rows, std::int64_t columns) {
  SINTER_CHECK(x.rows == rows && x.columns == columns && rows >= 0 && columns > 0 &&
                   (x.data != nullptr || rows == 0) && (rows <= 1 || x.row_stride >= columns) &&
                   columns < std::int64_t{1} << 31 &&
                   rows <= (std::int64_t{1} << 31) / ((columns + 7) / 8 + 1),
               ErrorCode::invalid_argument,
               "[",
               who,
               "] ",
               what,
               ": expected ",
               rows,
               " rows of ",
               columns,
               ", got ",
               x.rows,
               " rows of ",
               x.columns,
               " with a stride of ",
               x.row_stride,
               x.data == nullptr ? ", without data" : "");
}

}  // namespace sinter::ops::cuda
