#pragma once
// mesh::sample_hierarchical() on the device.

#include <cuda_runtime.h>

#include "core/buffer.h"
#include "mesh/cuda/device_field.h"
#include "mesh/sample_hierarchical.h"

namespace sinter::mesh::cuda {

/// Asks for exactly the points that mesh::sample_hierarchical() asks for, each once, and gives the
/// same field: what is promised there holds here. Between the sampler's calls everything stays on
/// the device but a few numbers for each level and pass.
///
/// Beside the field it takes a quarter of the field's bytes, 4 for each point asked for at once on
/// a lattice and 16 for each point of a chunk. A device wants larger chunks than the default of the
/// options; `threads` is not used; and `poll` is called between levels. Errors as sample_dense().
DeviceField sample_hierarchical(const Grid& grid,
                                const DeviceSampler& sampler,
                                const HierarchicalOptions& options,
                                Arena& arena,
                                cudaStream_t stream,
                                SampleStats* stats = nullptr);

}  // namespace sinter::mesh::cuda
