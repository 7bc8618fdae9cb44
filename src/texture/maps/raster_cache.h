#pragma once
// Rasters that were made, for the next who asks: a view is rasterised once for its normal map, its
// position map and the projection of its colours.

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

#include "texture/maps/face_raster.h"
#include "texture/maps/view_camera.h"
#include "texture/maps/view_mesh.h"

namespace sinter::texture {

/// May be asked from several threads at once; each raster is made by one of them, the others wait.
class RasterCache {
 public:
  /// Keeps at most `max_bytes` of rasters, those that were asked for last. A raster that is larger
  /// by itself is handed out and not kept.
  explicit RasterCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  struct Stats {
    std::int64_t made = 0, reused = 0;
    std::size_t bytes = 0;  ///< held now
  };

  /// The raster of a mesh seen by a camera on width x height pixels: one that was kept for equal
  /// mesh (by identity, so a mesh that changed is another), camera (but for its weight) and size.
  std::shared_ptr<const FaceRaster> get(
      const ViewMesh& mesh, const ViewCamera& camera, int width, int height, int threads);
  Stats stats() const;

 private:
  struct Key {
    MeshIdentity mesh;
    ViewCamera camera;
    int width, height;
    bool operator==(const Key&) const = default;
  };
  struct Slot {
    std::mutex making;
    std::shared_ptr<const FaceRaster> raster;  // set once, under `making`
  };
  struct Entry {
    Key key;
    std::shared_ptr<Slot> slot;
    std::size_t bytes = 0;  // 0 until it is made
  };

  std::shared_ptr<Slot> find_or_add(const Key& key);
  void account(const Slot* slot, std::size_t bytes);

  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // asked for last comes first
  Stats stats_;
};

/// Clip coordinates of every vertex.
std::vector<ClipVertex> project_vertices(const ViewMesh& mesh, const CameraMatrices& matrices);

}  // namespace sinter::texture
