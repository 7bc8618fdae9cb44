#pragma once
// The reference's bake: each view's reliable pixels are spread over the four texels around them,
// and views are added in the order of their list. Source: Hunyuan3D-2,
// hy3dgen/texgen/differentiable_renderer/mesh_render.py (linear_grid_put_2d, fast_bake_texture).

#include <array>
#include <span>

#include "core/image.h"
#include "texture/bake/view_geometry.h"

namespace sinter::texture {

/// A texture in the making: values 0..1, rows from the top; texel (i, j) is at i / (size - 1) from
/// the top and j / (size - 1) from the left.
struct Texture {
  int size = 0;
  std::vector<std::array<float, 3>> colour;
  /// 1 where the colour is known.
  std::vector<std::uint8_t> known;
};

/// One view spread over the texture; 0 where nothing fell.
struct ScatteredView {
  std::vector<std::array<float, 3>> colour;
  std::vector<float> cosine;  ///< 0 beyond 75 degrees
};

/// `uv` by vertex, v upwards. `picture` is RGB or RGBA of the raster's size.
ScatteredView scatter_view(const ViewMesh& mesh,
                           std::span<const std::array<float, 2>> uv,
                           const ViewGeometry& view,
                           const Image& picture,
                           int size);

/// Adds views in the order of the calls, each with weight * cosine^4; one that would bring less
/// than one new texel in a hundred is left out.
class ViewMerge {
 public:
  explicit ViewMerge(int size);
  /// Returns whether it was added.
  bool add(const ScatteredView& view, double weight, int threads);
  Texture finish() const;

 private:
  int size_;
  std::vector<std::array<float, 3>> colour_;
  std::vector<float> weight_;
};

}  // namespace sinter::texture
