#pragma once
// What a view tells of the surface, pixel by pixel: how deep, how steep, how reliable.
// Source: Hunyuan3D-2, hy3dgen/texgen/differentiable_renderer/mesh_render.py (back_project).

#include <memory>

#include "texture/maps/raster_cache.h"

namespace sinter::texture {

/// Canny's thresholds of the depth in 256 levels.
inline constexpr int kLowEdge = 30, kHighEdge = 80;

/// Every member by pixel, rows from the top.
struct ViewGeometry {
  std::shared_ptr<const FaceRaster> raster;
  /// Camera-space z, negative; 0 where nothing is.
  std::vector<float> depth;
  /// Cosine between the outward normal and the way to the camera's plane; 0 where nothing is.
  std::vector<float> cosine;
  /// 1 where the mesh is, and neither its outline nor a jump of depth within `radius` pixels in
  /// rows and columns. Jumps are Canny's edges (30, 80) of the depth in 256 levels, cut off.
  std::vector<std::uint8_t> reliable;
};

/// `normals` are mean_normals() of the mesh.
ViewGeometry view_geometry(const ViewMesh& mesh,
                           const std::vector<mesh::Vec3>& normals,
                           const ViewCamera& camera,
                           std::shared_ptr<const FaceRaster> raster,
                           int radius,
                           int threads);

}  // namespace sinter::texture
