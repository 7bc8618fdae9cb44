#pragma once
// maps/face_raster.h on the device.

#include "texture/cuda/view_mesh.h"
#include "texture/maps/face_raster.h"
#include "texture/maps/view_camera.h"

namespace sinter::texture::cuda {

/// FaceRaster.
struct DeviceRaster {
  int width = 0, height = 0;
  Array<ScreenPoint> points;  ///< by vertex
  Array<std::int32_t> face;   ///< by pixel, rows from the top: 1 + face, 0 where none is
};

/// What texture::rasterize_faces() makes of the same values, bit for bit. Queued. The faces'
/// indices are below the number of vertices. Raises invalid_argument as check_raster_size(), and
/// out_of_memory: scratch memory takes 8 bytes a pixel, 16 a vertex and 8 a face.
DeviceRaster rasterize_faces(const ClipVertex* vertices,
                             std::int64_t vertex_count,
                             const Array<mesh::Face>& faces,
                             int width,
                             int height,
                             Arena& arena,
                             cudaStream_t stream);

/// What a camera sees.
DeviceRaster rasterize_view(const DeviceViewMesh& mesh,
                            const ViewCamera& camera,
                            int width,
                            int height,
                            Arena& arena,
                            cudaStream_t stream);

}  // namespace sinter::texture::cuda
