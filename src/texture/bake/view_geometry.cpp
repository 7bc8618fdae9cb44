#include "texture/bake/view_geometry.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "mesh/parallel.h"
#include "texture/maps/map_levels.h"

namespace sinter::texture {
namespace {

constexpr int kRowGrain = 16;

/// Depth of visible pixels in 256 levels, 255 the nearest, cut off.
cv::Mat depth_levels(const ViewGeometry& view) {
  float low = std::numeric_limits<float>::infinity(), high = -low;
  for (std::size_t i = 0; i < view.depth.size(); ++i) {
    if (view.raster->face[i] == 0) continue;
    low = std::min(low, view.depth[i]);
    high = std::max(high, view.depth[i]);
  }
  cv::Mat levels(view.raster->height, view.raster->width, CV_8U, cv::Scalar(0));
  const float extent = high - low;
  for (std::size_t i = 0; i < view.depth.size(); ++i) {
    if (view.raster->face[i] == 0) continue;
    levels.data[i] = extent > kFlat ? level((view.depth[i] - low) / extent) : 255;
  }
  return levels;
}

void find_reliable(ViewGeometry& view, int radius) {
  const int width = view.raster->width, height = view.raster->height;
  cv::Mat visible(height, width, CV_8U);
  for (std::size_t i = 0; i < view.depth.size(); ++i) {
    visible.data[i] = view.raster->face[i] > 0 ? 1 : 0;
  }
  cv::Mat edges, inner, near_edges;
  cv::Canny(depth_levels(view), edges, kLowEdge, kHighEdge);
  const cv::Mat box = cv::Mat::ones(2 * radius + 1, 2 * radius + 1, CV_8U);
  // OpenCV's default border takes no part in either.
  cv::erode(visible, inner, box);
  cv::dilate(edges, near_edges, box);
  view.reliable.resize(view.depth.size());
  for (std::size_t i = 0; i < view.reliable.size(); ++i) {
    view.reliable[i] = inner.data[i] != 0 && near_edges.data[i] == 0;
  }
}

}  // namespace

ViewGeometry view_geometry(const ViewMesh& mesh,
                           const std::vector<mesh::Vec3>& normals,
                           const ViewCamera& camera,
                           std::shared_ptr<const FaceRaster> raster,
                           int radius,
                           int threads) {
  ViewGeometry view;
  view.raster = std::move(raster);
  const int width = view.raster->width;
  const CameraMatrices matrices = camera_matrices(camera);
  std::vector<float> vertex_depth;
  std::vector<mesh::Vec3> turned;  // normals in camera space
  for (std::size_t v = 0; v < mesh.positions.size(); ++v) {
    vertex_depth.push_back(matrices.to_camera(mesh.positions[v])[2]);
    turned.push_back(matrices.turn(normals[v]));
  }
  view.depth.assign(view.raster->face.size(), 0);
  view.cosine.assign(view.raster->face.size(), 0);
  mesh::parallel_blocks(
      threads, view.raster->height, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
        for_each_covered(
            *view.raster,
            mesh.faces,
            static_cast<int>(begin),
            static_cast<int>(end),
            [&](int x, int y, const mesh::Face& face, const std::array<float, 3>& weights) {
              const std::size_t i = static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                                    static_cast<std::size_t>(x);
              view.depth[i] = interpolate(vertex_depth.data(), face, weights);
              view.cosine[i] = facing(interpolate(turned, face, weights));
            });
      });
  try {
    find_reliable(view, radius);
  } catch (const cv::Exception& error) {
    fail(ErrorCode::internal, "[bake] OpenCV: ", error.err);
  }
  return view;
}

}  // namespace sinter::texture
