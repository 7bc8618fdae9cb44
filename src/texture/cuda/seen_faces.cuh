#pragma once
// for_each_covered() for kernels.

#include "texture/cuda/face_raster.h"

namespace sinter::texture::cuda {

struct SeenFaces {
  const ScreenPoint* points;
  const std::int32_t* face;
  const mesh::Face* faces;
  int width, height;

  SeenFaces(const DeviceRaster& raster, const Array<mesh::Face>& mesh_faces)
      : points(raster.points.data()),
        face(raster.face.data()),
        faces(mesh_faces.data()),
        width(raster.width),
        height(raster.height) {}

  __host__ __device__ std::int64_t pixels() const { return std::int64_t{width} * height; }
  /// Of a covered pixel.
  __device__ const mesh::Face& face_at(std::int64_t i) const { return faces[face[i] - 1]; }
  __device__ std::array<float, 3> barycentrics_at(std::int64_t i) const {
    const mesh::Face& f = face_at(i);
    const ScreenPoint a = points[f[0]], b = points[f[1]], c = points[f[2]];
    return barycentrics(
        FaceEdges(a, b, c), a, b, c, static_cast<int>(i % width), static_cast<int>(i / width));
  }
};

}  // namespace sinter::texture::cuda
