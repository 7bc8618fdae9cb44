#pragma once
// A mesh on the device, ready to be looked at.

#include "texture/cuda/array.h"
#include "texture/maps/view_camera.h"
#include "texture/maps/view_mesh.h"

namespace sinter::texture::cuda {

struct DeviceViewMesh {
  Array<mesh::Vec3> positions;  ///< inner space
  Array<mesh::Vec3> normals;    ///< mean_normals()
  Array<mesh::Face> faces;

  /// Blocking copies. `mesh` comes from prepare_view_mesh(), which has checked its indices.
  DeviceViewMesh(const ViewMesh& mesh,
                 const std::vector<mesh::Vec3>& mean_normals,
                 Allocator* memory,
                 cudaStream_t stream)
      : positions(std::span(mesh.positions), memory, stream),
        normals(std::span(mean_normals), memory, stream),
        faces(std::span(mesh.faces), memory, stream) {}
};

/// Queues the vertices' z in camera space.
void find_depths(const DeviceViewMesh& mesh,
                 const ViewCamera& camera,
                 float* depths,
                 cudaStream_t stream);

}  // namespace sinter::texture::cuda
