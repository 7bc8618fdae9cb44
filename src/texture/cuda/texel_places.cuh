#pragma once
// TexelMap for kernels.

#include "texture/bake/texel_weights.h"
#include "texture/cuda/texture.h"

namespace sinter::texture::cuda {

struct TexelPlaces {
  const ScreenPoint* points;
  const std::int32_t* face;  ///< with the margin
  const mesh::Face* faces;
  int size;

  TexelPlaces(const DeviceTexelMap& texels, const Array<mesh::Face>& mesh_faces)
      : points(texels.raster.points.data()),
        face(texels.face.data()),
        faces(mesh_faces.data()),
        size(texels.raster.width) {}

  __host__ __device__ std::int64_t count() const { return std::int64_t{size} * size; }
  /// Of a texel that has a face.
  __device__ const mesh::Face& face_at(std::int64_t i) const { return faces[face[i] - 1]; }
  __device__ std::array<float, 3> weights_at(std::int64_t i) const {
    const mesh::Face& f = face_at(i);
    return texel_weights(points[f[0]],
                         points[f[1]],
                         points[f[2]],
                         static_cast<int>(i % size),
                         static_cast<int>(i / size));
  }
};

}  // namespace sinter::texture::cuda
