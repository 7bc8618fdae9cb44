#pragma once
// Device memory for the steps of a computation.

#include <cstdint>

#include "core/buffer.h"

namespace sinter::mesh::cuda {

/// Not initialised, aligned to 256 bytes, valid until the innermost ArenaScope ends. What uses one
/// arena runs on one stream, that of its allocator, whose order makes a piece safe to hand out
/// again. Raises ErrorCode::out_of_memory.
template <class T>
T* take(Arena& arena, std::int64_t count) {
  const auto bytes = count * static_cast<std::int64_t>(sizeof(T));
  return static_cast<T*>(arena.allocate(DType::u8, {bytes}).data);
}

}  // namespace sinter::mesh::cuda
