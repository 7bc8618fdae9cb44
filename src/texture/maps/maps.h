#pragma once
// Pictures of a mesh's geometry: what the texture networks are told about the shape.

#include <vector>

#include "core/image.h"
#include "texture/maps/raster_cache.h"

namespace sinter::texture {

/// What is seen from one camera. RGB maps are white where nothing is.
struct ViewMaps {
  /// Trunc(255 v): v = (1 + n_x, 1 - n_z, 1 + n_y) / 2 with n the outward normal in mesh axes,
  /// interpolated and not normalised again.
  Image normal;
  /// v = (1/2 + dx/2R, 1/2 - dz/2R, 1/2 + dy/2R), d from the bounding box's centre, R the distance
  /// of the farthest vertex from it.
  Image position;
  /// Grey: 255 at the nearest covered pixel, 0 at the farthest and where nothing is.
  Image depth;
  /// Grey: 255 where the mesh is.
  Image mask;
  std::int64_t covered_pixels = 0;
  /// Distance in front of the camera; 0 where nothing is seen.
  double nearest = 0, farthest = 0;
};

/// `normals` are mean_normals() of the mesh. Raises invalid_argument where the raster's vertices
/// are not as many as the mesh's.
ViewMaps make_maps(const ViewMesh& mesh,
                   const std::vector<mesh::Vec3>& normals,
                   const ViewCamera& camera,
                   const FaceRaster& raster,
                   int threads);

}  // namespace sinter::texture
