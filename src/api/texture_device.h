#pragma once
// Where maps and textures are made: on the host or on a GPU, with the same results.

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/accelerator.h"
#include "texture/bake/bake.h"
#include "texture/maps/maps.h"

namespace sinter {

/// Makes the maps of one mesh.
class MapMaker {
 public:
  virtual ~MapMaker() = default;
  /// Fills the view's times and what the maps tell. May be called by several threads at once; a GPU
  /// works for one after the other.
  virtual texture::ViewMaps make(const ViewCamera& camera,
                                 int size,
                                 int threads,
                                 MapView& view) = 0;
};

class TextureDevice {
 public:
  /// Names and errors are those of open_device().
  TextureDevice(const std::string& device, const std::function<void(const std::string&)>& note);

  /// "cpu" or "cuda".
  const char* name() const { return accelerator_ ? "cuda" : "cpu"; }

  /// `mesh` and `rasters`, which the host asks, must outlive the result, as this object must.
  std::unique_ptr<MapMaker> map_maker(const texture::ViewMesh& mesh,
                                      texture::RasterCache& rasters,
                                      int threads);

  /// texture::bake_texture()
  Image bake(const texture::BakeTarget& target,
             std::span<const Image> pictures,
             const BakeOptions& options,
             texture::RasterCache& rasters,
             BakeReport& report);

 private:
  std::shared_ptr<Accelerator> accelerator_;  ///< null: the host
};

}  // namespace sinter
