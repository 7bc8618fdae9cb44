#pragma once
// mesh/cleanup.h on the device.

#include <cuda_runtime.h>

#include <cstdint>

#include "core/buffer.h"
#include "mesh/cuda/device_mesh.h"

namespace sinter::mesh::cuda {

/// As mesh::remove_floaters(), with the same result for any mesh, and the same errors. Waits for
/// the device. At most 2^32 / 3 faces, or ErrorCode::unsupported.
std::int64_t remove_floaters(DeviceMesh& mesh, double ratio, Arena& arena, cudaStream_t stream);

/// As mesh::remove_unreferenced(). Waits for the device.
std::int64_t remove_unreferenced(DeviceMesh& mesh, Arena& arena, cudaStream_t stream);

}  // namespace sinter::mesh::cuda
