#pragma once
// Triangles in clip space to, for every pixel, the nearest face, where in it the pixel centre lies,
// and how deep. Knows nothing of meshes, cameras and lights.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace sinter::texture {

/// Homogeneous clip coordinates, OpenGL conventions: visible where -w <= x, y, z <= w; after
/// division by w, x points right, y up, z away from the eye.
struct ClipVertex {
  float x, y, z, w;
};

struct RasterPixel {
  /// Index of the face; -1 where none covers the pixel centre.
  std::int32_t face = -1;
  /// Perspective-correct weights of the face's vertices 1 and 2; vertex 0 has the rest.
  float u = 0, v = 0;
  /// z / w in [-1, 1]; 1 in empty pixels.
  float depth = 1;
  bool operator==(const RasterPixel&) const = default;
};

struct Raster {
  int width = 0;
  int height = 0;
  /// Row 0 is the top of the picture.
  std::vector<RasterPixel> pixels;
};

/// Rasterises with the top-left rule on a grid of 1/256 pixel: where two faces share an edge, each
/// pixel centre on or near it belongs to exactly one of them. Both windings are drawn. The nearest
/// face wins, at equal depth the one with the lowest index; the result does not depend on
/// `threads`. Faces are clipped to the view volume. Raises invalid_argument for an index out of
/// range or a picture with a side outside 1..32768; faces with a non-finite vertex are left out.
Raster rasterize(std::span<const ClipVertex> vertices,
                 std::span<const std::array<std::uint32_t, 3>> faces,
                 int width,
                 int height,
                 int threads);

}  // namespace sinter::texture
