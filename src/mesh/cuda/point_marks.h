#pragma once
// Sets of lattice points, one bit a place, and what becomes of them.

#include <cuda_runtime.h>

#include <cstdint>

#include "core/buffer.h"

namespace sinter::mesh::cuda {

/// Words of 32 bits for `bits` places; unused bits of the last word are zero.
constexpr std::int64_t mark_words(std::int64_t bits) {
  return (bits + 31) / 32;
}

struct PointList {
  const std::uint32_t* places;  ///< on the device, ascending
  std::int64_t count;
};

/// The places whose bits are set. Waits for the device, for their number.
PointList list_points(const std::uint32_t* words,
                      std::int64_t bits,
                      Arena& arena,
                      cudaStream_t stream);

}  // namespace sinter::mesh::cuda
