#pragma once
// From pictures of a mesh to its texture.

#include <functional>
#include <span>

#include "core/image.h"
#include "sinter/texture.h"
#include "texture/maps/raster_cache.h"

namespace sinter::texture {

/// A mesh with texture coordinates as bake_texture() wants it: `mesh` in inner space.
struct BakeTarget {
  const ViewMesh& mesh;
  std::span<const std::array<float, 2>> uv;
  /// Pixels of the projection that one pixel of the pictures became when they were enlarged, at
  /// least 1: as far as outlines are mixed with the background.
  int enlarged = 1;
  /// Where set, called with "paint" and the fraction done before the first view and after each,
  /// and with "fill" when that begins. To stop, it throws.
  std::function<void(const char* stage, double fraction)> progress = {};

  /// `done` of `all` parts of the stage.
  void tell(const char* stage, std::size_t done, std::size_t all) const {
    if (progress) progress(stage, static_cast<double>(done) / static_cast<double>(all));
  }
};

/// Texels around charts that are coloured too: what filters and small mipmaps reach.
inline constexpr int kGutter = 8;
/// Texels around charts that a viewer blends into theirs.
inline constexpr int kBlendedTexels = 2;

/// ViewGeometry's radius.
int outline_radius(const BakeTarget& target, const BakeOptions& options);

/// Raises invalid_argument for pictures that are not as bake_texture() wants them.
void check_pictures(std::span<const ViewCamera> cameras,
                    std::span<const Image> pictures,
                    const BakeOptions& options);

/// Paints a texture from `pictures`, one of each camera, RGB or RGBA and square with the side
/// `render_size`. `rasters` gives and keeps the views' rasters. The result is the same for any
/// number of threads. Times and counts go to `report`.
Image bake_texture(const BakeTarget& target,
                   std::span<const ViewCamera> cameras,
                   std::span<const Image> pictures,
                   const BakeOptions& options,
                   RasterCache& rasters,
                   BakeReport& report);

}  // namespace sinter::texture
