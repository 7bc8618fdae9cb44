#pragma once
// mesh/surface_following.h on the device.

#include <cuda_runtime.h>

#include <cstdint>

namespace sinter::mesh::cuda {

/// Queues: sets the bits in `words` of the points without a finite value that belong to a cell with
/// finite values on both sides of the level; everything beyond the lattice counts as outside.
/// `values`: [points^3].
void mark_missing_corners(
    const float* values, int points, float level, std::uint32_t* words, cudaStream_t stream);

}  // namespace sinter::mesh::cuda
