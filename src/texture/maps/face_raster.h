#pragma once
// Which face each pixel of a map shows: the rasteriser that the texture networks were trained with,
// rule by rule. The rasteriser of pictures for people (texture/rasterizer.h) gives every pixel on a
// shared edge to one face, clips, and tells surfaces apart at any distance; this one does not,
// because maps must look like those of training.
//
// Source of the rules: Hunyuan3D-2, hy3dgen/texgen/custom_rasterizer. With clip coordinates
// (X, Y, Z, W) in fp32, every operation rounded to fp32 unless said otherwise:
//   sx = (X/W 0.5 + 0.5)(width - 1) + 0.5,  sy alike,  sz = Z/W 0.49999 + 0.5
//   pixel (x, y) is sampled at (x + 0.5, y + 0.5), in columns trunc(min sx) <= x < max sx + 1
//   E(a, b, c) = (c.x - a.x)(b.y - a.y) - (b.x - a.x)(c.y - a.y)
//   beta = E(a,p,c) (1/E(a,b,c)),  gamma = E(a,b,p) (1/E(a,b,c)),  alpha = 1 - beta - gamma in
//   float64, rounded; covered where all three are in [0, 1], both windings, no clipping
//   depth = alpha sz_a + beta sz_b + gamma sz_c >= 0, in steps of 2^-18, cut off
// A pixel shows the face with the least pair (depth step, face index). Rows and columns grow with
// clip y and x: row 0 is Y/W = -1.
//
// The minimum of pairs knows no order, so faces may be drawn in any order and by any number of
// threads, on any device, with the same result bit for bit, as long as products are not fused with
// sums.

#include <cstdint>
#include <span>
#include <vector>

#include "mesh/triangle_mesh.h"
#include "texture/rasterizer.h"

namespace sinter::texture {

/// A vertex on the picture.
struct ScreenPoint {
  float x, y, z, w;
  bool operator==(const ScreenPoint&) const = default;
};

/// Linear on the picture, of a face's three vertices.
struct ScreenWeights {
  float alpha, beta, gamma;
};

/// What the rules need to know of a face.
struct FaceEdges {
  float ax, ay, abx, aby, acx, acy;
  float inverse_area;  ///< infinite where the face has none: no pixel is covered then

  FaceEdges(const ScreenPoint& a, const ScreenPoint& b, const ScreenPoint& c)
      : ax(a.x), ay(a.y), abx(b.x - a.x), aby(b.y - a.y), acx(c.x - a.x), acy(c.y - a.y) {
    // E(a, b, c); 1 / x in float64, rounded to fp32, is 1 / x in fp32
    inverse_area = 1.0f / (acx * aby - abx * acy);
  }
  /// At the point (px, py); any value where the face has no area.
  ScreenWeights at(float px, float py) const {
    const float dx = px - ax, dy = py - ay;
    const float beta = (acx * dy - dx * acy) * inverse_area;
    const float gamma = (dx * aby - abx * dy) * inverse_area;
    return {static_cast<float>(1.0 - static_cast<double>(beta) - static_cast<double>(gamma)),
            beta,
            gamma};
  }
};

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

/// Perspective-correct weights of the vertices of `face` at pixel (x, y), which shows that face:
/// b_i = (s_i / W_i) / sum_j (s_j / W_j). Not stored: they are cheaper to compute than to fetch.
inline std::array<float, 3> barycentrics(const FaceEdges& edges,
                                         const ScreenPoint& a,
                                         const ScreenPoint& b,
                                         const ScreenPoint& c,
                                         int x,
                                         int y) {
  const ScreenWeights s = edges.at(static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f);
  const float u = s.alpha / a.w, v = s.beta / b.w, w = s.gamma / c.w;
  const float sum = u + v + w;
  return {u / sum, v / sum, w / sum};
}

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
  const mesh::Vec3 &a = values[face[0]], &b = values[face[1]], &c = values[face[2]];
  mesh::Vec3 result;
  for (std::size_t i = 0; i < 3; ++i) {
    result[i] = weights[0] * a[i] + weights[1] * b[i] + weights[2] * c[i];
  }
  return result;
}

}  // namespace sinter::texture
