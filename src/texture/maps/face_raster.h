#pragma once
// Which face each pixel of a map shows: the rasteriser that the texture networks were trained with,
// rule by rule. The rasteriser of pictures for people (texture/rasterizer.h) gives every pixel on a
// shared edge to one face, clips, and tells surfaces apart at any distance; this one does not,
// because maps must look like those of training.
//
// The rules stand in face_edges.h, where the host and the device have them from.

#include <cstdint>
#include <span>
#include <vector>

#include "texture/maps/face_edges.h"

namespace sinter::texture {

/// Of the processor; never changes a result.
enum class Instructions { best, any_processor };

struct FaceRaster {
  int width = 0;
  int height = 0;
  /// By vertex.
  std::vector<ScreenPoint> points;
  /// By pixel, rows from the top: 1 + the face that is seen, 0 where none is.
  std::vector<std::int32_t> face;

  std::size_t bytes() const {
    return sizeof(*this) + points.capacity() * sizeof(points[0]) +
           face.capacity() * sizeof(face[0]);
  }
};

/// Raises invalid_argument for a side outside 1..32768 or more than 2^31 - 2 faces.
void check_raster_size(std::size_t faces, int width, int height);

/// Raises invalid_argument for an index out of range, a side outside 1..32768 or more than 2^31 - 2
/// faces. Faces with a vertex that is not finite, not in front of the eye (w <= 0) or 1e9 pixels
/// away, and samples at a depth that 31 bits of steps do not hold, are left out.
FaceRaster rasterize_faces(std::span<const ClipVertex> vertices,
                           std::span<const mesh::Face> faces,
                           int width,
                           int height,
                           int threads,
                           Instructions instructions = Instructions::best);

/// Calls visit(x, y, face, weights) for every covered pixel of rows [begin, end), by rows.
template <class Visit>
void for_each_covered(const FaceRaster& raster,
                      std::span<const mesh::Face> faces,
                      int begin,
                      int end,
                      Visit&& visit) {
  for (int y = begin; y < end; ++y) {
    const std::int32_t* row =
        raster.face.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(raster.width);
    for (int x = 0; x < raster.width;) {
      const std::int32_t shown = row[x];
      if (shown == 0) {
        ++x;
        continue;
      }
      const mesh::Face& face = faces[static_cast<std::size_t>(shown - 1)];
      const ScreenPoint& a = raster.points[face[0]];
      const ScreenPoint& b = raster.points[face[1]];
      const ScreenPoint& c = raster.points[face[2]];
      const FaceEdges edges(a, b, c);
      for (; x < raster.width && row[x] == shown; ++x) {
        visit(x, y, face, barycentrics(edges, a, b, c, x, y));
      }
    }
  }
}

/// sum_k weights[k] values[face[k]], component by component.
inline mesh::Vec3 interpolate(std::span<const mesh::Vec3> values,
                              const mesh::Face& face,
                              const std::array<float, 3>& weights) {
  return interpolate(values.data(), face, weights);
}

}  // namespace sinter::texture
