#pragma once
// Slopes measured on the device, and the bound that follows from them.

#include <cuda_runtime.h>

#include <span>

#include "core/buffer.h"
#include "mesh/cuda/lattice.cuh"
#include "mesh/cuda/slope_bound.cuh"

namespace sinter::mesh::cuda {

/// mesh::MeasuredSlopes.
struct DeviceMeasuredSlopes {
  DeviceSlopeMap local;
  const float* typical;  ///< on the device
};

/// mesh::measure_slopes(). Queues.
DeviceMeasuredSlopes measure_slopes(const Grid& grid,
                                    std::span<const DeviceLattice> lattices,
                                    double quantile,
                                    float saturation,
                                    Arena& arena,
                                    cudaStream_t stream);

/// Queues: `bound` becomes at least `factor` times what was measured: in each block the largest of
/// its own slope, those of its 26 neighbours, and the typical one.
void raise_slopes(const DeviceMeasuredSlopes& measured,
                  float factor,
                  const DeviceSlopeMap& bound,
                  cudaStream_t stream);

/// Whether raise_slopes() with a factor of 1 would change nothing. Waits for the device.
bool is_within(const DeviceMeasuredSlopes& measured,
               const DeviceSlopeMap& bound,
               Arena& arena,
               cudaStream_t stream);

}  // namespace sinter::mesh::cuda
