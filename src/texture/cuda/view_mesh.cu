#include "mesh/cuda/launch.cuh"
#include "texture/cuda/view_mesh.h"

namespace sinter::texture::cuda {

void find_depths(const DeviceViewMesh& mesh,
                 const ViewCamera& camera,
                 float* depths,
                 cudaStream_t stream) {
  const mesh::Vec3* positions = mesh.positions.data();
  const CameraMatrices matrices = camera_matrices(camera);
  mesh::cuda::for_each(
      mesh.positions.size(), "vertex depths", stream, [=] __device__(std::int64_t v) {
        depths[v] = matrices.to_camera(positions[v])[2];
      });
}

}  // namespace sinter::texture::cuda
