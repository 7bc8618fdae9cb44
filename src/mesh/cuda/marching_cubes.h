#pragma once
// mesh::marching_cubes() on the device.

#include <cuda_runtime.h>

#include "core/buffer.h"
#include "mesh/cuda/device_field.h"
#include "mesh/cuda/device_mesh.h"
#include "mesh/cuda/device_table.h"
#include "mesh/marching_cubes.h"

namespace sinter::mesh::cuda {

class MarchingCubes {
 public:
  /// Raises ErrorCode::out_of_memory.
  MarchingCubes() = default;

  /// The mesh that mesh::marching_cubes() makes of the same values, bit for bit: the same vertices
  /// and faces in the same order, and the same errors. `threads` and `poll` of the options are not
  /// used. Waits for the device once or twice, for the sizes of the result; the last kernels may
  /// still run when it returns. Errors as mesh::marching_cubes(), and ErrorCode::out_of_memory.
  DeviceMesh run(const DeviceField& field,
                 const MarchingCubesOptions& options,
                 Arena& arena,
                 cudaStream_t stream) const;

 private:
  DeviceCubeTableMemory table_;
};

}  // namespace sinter::mesh::cuda
