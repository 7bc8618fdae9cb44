#pragma once
// bake/view_geometry.h on the device.

#include "texture/bake/view_geometry.h"
#include "texture/cuda/face_raster.h"

namespace sinter::texture::cuda {

/// ViewGeometry.
struct DeviceViewGeometry {
  DeviceRaster raster;
  Array<float> depth, cosine;
  Array<std::uint8_t> reliable;
};

/// What texture::view_geometry() makes of the same raster, bit for bit. Queued. Raises
/// out_of_memory.
DeviceViewGeometry view_geometry(const DeviceViewMesh& mesh,
                                 const ViewCamera& camera,
                                 DeviceRaster raster,
                                 int radius,
                                 Arena& arena,
                                 cudaStream_t stream);

}  // namespace sinter::texture::cuda
