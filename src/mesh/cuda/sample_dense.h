#pragma once
// mesh::sample_dense() on the device.

#include <cuda_runtime.h>

#include "core/buffer.h"
#include "mesh/cuda/device_field.h"
#include "mesh/sample_dense.h"

namespace sinter::mesh::cuda {

/// Evaluates every point of the grid, in the order of DeviceField. A device wants larger chunks
/// than the default of the options. Waits for the device at the end; until then the host is held to
/// two chunks ahead of it, and so is the progress that it reports. Raises ErrorCode::internal where
/// the sampler returns a value that is not finite, ErrorCode::out_of_memory, and what the sampler
/// itself raises.
DeviceField sample_dense(const Grid& grid,
                         const DeviceSampler& sampler,
                         const DenseOptions& options,
                         Arena& arena,
                         cudaStream_t stream,
                         SampleStats* stats = nullptr);

}  // namespace sinter::mesh::cuda
