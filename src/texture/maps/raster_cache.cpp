#include "texture/maps/raster_cache.h"

#include <algorithm>

namespace sinter::texture {

std::vector<ClipVertex> project_vertices(const ViewMesh& mesh, const CameraMatrices& matrices) {
  std::vector<ClipVertex> clip;
  clip.reserve(mesh.positions.size());
  for (const mesh::Vec3& p : mesh.positions) {
    clip.push_back(matrices.to_clip(matrices.to_camera(p)));
  }
  return clip;
}

std::shared_ptr<RasterCache::Slot> RasterCache::find_or_add(const Key& key) {
  const std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->key != key) continue;
    ++stats_.reused;
    entries_.splice(entries_.begin(), entries_, entry);
    return entry->slot;
  }
  ++stats_.made;
  entries_.push_front({key, std::make_shared<Slot>()});
  return entries_.front().slot;
}

void RasterCache::account(const Slot* slot, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) {
    if (entry.slot.get() != slot) continue;
    entry.bytes = bytes;
    stats_.bytes += bytes;
  }
  for (auto entry = entries_.end(); stats_.bytes > max_bytes_ && entry != entries_.begin();) {
    --entry;
    if (entry->bytes == 0) continue;  // still being made
    stats_.bytes -= entry->bytes;
    entry = entries_.erase(entry);
  }
}

std::shared_ptr<const FaceRaster> RasterCache::get(
    const ViewMesh& mesh, const ViewCamera& camera, int width, int height, int threads) {
  Key key{mesh.identity, camera, width, height};
  key.camera.weight = 1;
  const std::shared_ptr<Slot> slot = find_or_add(key);
  const std::lock_guard lock(slot->making);
  if (!slot->raster) {
    // Where this throws, the next who asks tries again.
    slot->raster = std::make_shared<const FaceRaster>(rasterize_faces(
        project_vertices(mesh, camera_matrices(camera)), mesh.faces, width, height, threads));
    account(slot.get(), slot->raster->bytes());
  }
  return slot->raster;
}

RasterCache::Stats RasterCache::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace sinter::texture
