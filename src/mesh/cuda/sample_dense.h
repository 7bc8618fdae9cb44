#pragma once
// mesh::sample_dense() on the device.

#include <cuda_runtime.h>

#include "mesh/cuda/device_field.h"
#include "mesh/cuda/workspace.h"
#include "mesh/sample_stats.h"

namespace sinter::mesh::cuda {

struct DenseOptions {
  std::int64_t chunk = 65536;  ///< most points in one call of the sampler, at least 1
  /// Called after every chunk, one or two ahead of the device. To cancel, throw.
  SampleProgress progress = {};
};

/// Evaluates every point of the grid, in the order of DeviceField. Waits for the device at the end,
/// and holds the host to two chunks ahead of it. Raises ErrorCode::internal where the sampler
/// returns a value that is not finite, ErrorCode::out_of_memory, and what the sampler itself
/// raises.
DeviceField sample_dense(const Grid& grid,
                         const DeviceSampler& sampler,
                         const DenseOptions& options,
                         Workspace& workspace,
                         cudaStream_t stream,
                         SampleStats* stats = nullptr);

}  // namespace sinter::mesh::cuda
