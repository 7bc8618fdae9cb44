#pragma once
// maps/maps.h on the device.

#include "mesh/cuda/download.h"
#include "texture/cuda/face_raster.h"
#include "texture/maps/maps.h"

namespace sinter::texture::cuda {

struct DepthCells;

/// ViewMaps.
struct DeviceViewMaps {
  int width = 0, height = 0;
  Array<std::uint8_t> normal, position;  ///< [height, width, 3]
  Array<std::uint8_t> depth, mask;       ///< [height, width]
  Array<DepthCells> range;               ///< one
};

/// What texture::make_maps() makes of the same raster, bit for bit. Queued. Raises out_of_memory.
DeviceViewMaps make_maps(const DeviceViewMesh& mesh,
                         const ViewCamera& camera,
                         const DeviceRaster& raster,
                         Arena& arena,
                         cudaStream_t stream);

/// Waits for the device.
ViewMaps download_maps(const DeviceViewMaps& maps,
                       mesh::cuda::Download& download,
                       cudaStream_t stream);

}  // namespace sinter::texture::cuda
