#pragma once
// Where the elements of a strided tensor lie in its storage.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/shape.h"

namespace sinter::checkpoint {

/// Element [i, j, ...] is at offset + i * strides[0] + j * strides[1] + ..., counted in elements.
struct StridedView {
  std::int64_t offset = 0;
  Shape shape;
  std::array<std::int64_t, Shape::kMaxRank> strides{};
};

/// True where offset and strides are not negative and every element lies among the `count` elements
/// of the storage; overflow-safe. A view without elements lies anywhere.
bool lies_within(const StridedView& view, std::uint64_t count);

/// True where the elements follow each other row by row.
bool is_contiguous(const StridedView& view);

/// Writes the elements row by row. The view lies within `storage`; `dst` has room for all of them.
/// `element_bytes` is 1, 2, 4 or 8.
void gather(std::span<const std::byte> storage,
            const StridedView& view,
            std::size_t element_bytes,
            std::byte* dst);

}  // namespace sinter::checkpoint
