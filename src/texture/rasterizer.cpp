// Edge functions on a fixed-point grid, with the top-left rule.
//
// J. Pineda, "A Parallel Algorithm for Polygon Rasterization", SIGGRAPH 1988 (edge functions).
// J. Blinn and M. Newell, "Clipping Using Homogeneous Coordinates", SIGGRAPH 1978.

#include "texture/rasterizer.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "mesh/parallel.h"
#include "texture/clip.h"

namespace sinter::texture {
namespace {

constexpr int kSubpixelBits = 8;
constexpr std::int64_t kSubpixel = std::int64_t{1} << kSubpixelBits;
constexpr int kMaxSide = 32768;
/// Rows of the picture that one thread fills at a time.
constexpr int kBandRows = 16;

/// A corner on the picture. Snapped coordinates decide which pixels are covered; since all faces
/// that share a vertex share its snapped place, coverage has neither gaps nor overlaps.
struct ScreenVertex {
  std::int64_t x = 0, y = 0;  // in 1/256 pixel; |x|, |y| < 2^26 by the guard band
  double z = 0;               // z / w
  double inverse_w = 0;
};

/// A counter-clockwise or clockwise triangle that is ready to be filled.
struct ScreenTriangle {
  std::array<ScreenVertex, 3> corners;
  /// Weights (1, 2) of the face's vertices at each corner.
  std::array<std::array<double, 2>, 3> weights;
  std::uint32_t face = 0;
};

/// Pixels whose centres may lie inside; empty where begin >= end.
struct PixelBox {
  int x_begin, x_end, y_begin, y_end;
  bool empty() const { return x_begin >= x_end || y_begin >= y_end; }
};

/// First pixel whose centre is not before `coordinate`.
std::int64_t first_centre(std::int64_t coordinate) {
  return (coordinate - kSubpixel / 2 + kSubpixel - 1) >> kSubpixelBits;
}

PixelBox pixel_box(const ScreenTriangle& triangle, int width, int height) {
  const auto& [a, b, c] = triangle.corners;
  const auto bounded = [](std::int64_t pixel, int side) {
    return static_cast<int>(std::clamp<std::int64_t>(pixel, 0, side));
  };
  return {bounded(first_centre(std::min({a.x, b.x, c.x})), width),
          bounded(first_centre(std::max({a.x, b.x, c.x})) + 1, width),
          bounded(first_centre(std::min({a.y, b.y, c.y})), height),
          bounded(first_centre(std::max({a.y, b.y, c.y})) + 1, height)};
}

/// E(p) = cross(b - a, p - a): positive on one side of the line. Stepped from pixel to pixel in
/// integers.
struct Edge {
  std::int64_t value;  // at the first pixel centre
  std::int64_t step_x, step_y;
  /// Zero where a point on the line counts as inside, else -1.
  std::int64_t bias;

  Edge(const ScreenVertex& a, const ScreenVertex& b, std::int64_t x, std::int64_t y) {
    const std::int64_t dx = b.x - a.x;
    const std::int64_t dy = b.y - a.y;
    value = dx * (y - a.y) - dy * (x - a.x);
    step_x = -dy * kSubpixel;
    step_y = dx * kSubpixel;
    // With y downwards and positive area, a left edge runs up and a top edge runs right.
    bias = dy < 0 || (dy == 0 && dx > 0) ? 0 : -1;
  }
};

class Target {
 public:
  Target(Raster& raster, int row_begin, int row_end)
      : raster_(raster), row_begin_(row_begin), row_end_(row_end) {}

  void fill(const ScreenTriangle& source) {
    ScreenTriangle t = source;
    std::int64_t area = (t.corners[1].x - t.corners[0].x) * (t.corners[2].y - t.corners[0].y) -
                        (t.corners[1].y - t.corners[0].y) * (t.corners[2].x - t.corners[0].x);
    if (area == 0) return;
    if (area < 0) {
      std::swap(t.corners[1], t.corners[2]);
      std::swap(t.weights[1], t.weights[2]);
      area = -area;
    }
    PixelBox box = pixel_box(t, raster_.width, raster_.height);
    box.y_begin = std::max(box.y_begin, row_begin_);
    box.y_end = std::min(box.y_end, row_end_);
    if (box.empty()) return;
    const std::int64_t x = box.x_begin * kSubpixel + kSubpixel / 2;
    const std::int64_t y = box.y_begin * kSubpixel + kSubpixel / 2;
    // Edge i lies opposite corner i, so its value is that corner's barycentric weight times the
    // area.
    Edge edges[3] = {{t.corners[1], t.corners[2], x, y},
                     {t.corners[2], t.corners[0], x, y},
                     {t.corners[0], t.corners[1], x, y}};
    const double inverse_area = 1.0 / static_cast<double>(area);
    for (int row = box.y_begin; row < box.y_end; ++row) {
      RasterPixel* pixel =
          &raster_.pixels[static_cast<std::size_t>(row) * static_cast<std::size_t>(raster_.width)];
      std::int64_t e0 = edges[0].value, e1 = edges[1].value, e2 = edges[2].value;
      for (int column = box.x_begin; column < box.x_end; ++column) {
        const bool inside =
            ((e0 + edges[0].bias) | (e1 + edges[1].bias) | (e2 + edges[2].bias)) >= 0;
        if (inside) {
          store(t,
                {static_cast<double>(e0) * inverse_area,
                 static_cast<double>(e1) * inverse_area,
                 static_cast<double>(e2) * inverse_area},
                pixel[column]);
        }
        e0 += edges[0].step_x;
        e1 += edges[1].step_x;
        e2 += edges[2].step_x;
      }
      for (Edge& edge : edges) edge.value += edge.step_y;
    }
  }

 private:
  /// `screen` are weights that are linear on the picture, as z / w and 1 / w are.
  static void store(const ScreenTriangle& t,
                    const std::array<double, 3>& screen,
                    RasterPixel& pixel) {
    double depth = 0, inverse_w = 0, u = 0, v = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const double share = screen[i] * t.corners[i].inverse_w;
      depth += screen[i] * t.corners[i].z;
      inverse_w += share;
      u += share * t.weights[i][0];
      v += share * t.weights[i][1];
    }
    const float rounded = static_cast<float>(std::clamp(depth, -1.0, 1.0));
    // Faces come in rising order, so that at equal depth the first one stays.
    if (pixel.face >= 0 && rounded >= pixel.depth) return;
    pixel = {static_cast<std::int32_t>(t.face),
             static_cast<float>(u / inverse_w),
             static_cast<float>(v / inverse_w),
             rounded};
  }

  Raster& raster_;
  int row_begin_, row_end_;
};

ScreenVertex to_screen(const ClipCorner& corner, int width, int height) {
  const auto& p = corner.position;
  ScreenVertex vertex;
  vertex.inverse_w = 1.0 / p.w;
  // Clipping leaves no more than a rounding beyond the guard band, but for corners so near to the
  // eye that their coordinates are all rounding.
  const double x = std::clamp(p.x * vertex.inverse_w, -kGuardBand, kGuardBand);
  const double y = std::clamp(p.y * vertex.inverse_w, -kGuardBand, kGuardBand);
  vertex.x = std::llround((0.5 + 0.5 * x) * width * static_cast<double>(kSubpixel));
  vertex.y = std::llround((0.5 - 0.5 * y) * height * static_cast<double>(kSubpixel));
  vertex.z = p.z * vertex.inverse_w;
  return vertex;
}

/// Triangles of one block of faces, in the order of the faces.
std::vector<ScreenTriangle> set_up(std::span<const ClipVertex> vertices,
                                   std::span<const std::array<std::uint32_t, 3>> faces,
                                   std::size_t begin,
                                   std::size_t end,
                                   int width,
                                   int height) {
  std::vector<ScreenTriangle> triangles;
  for (std::size_t f = begin; f < end; ++f) {
    const ClippedFace clipped =
        clip_face(vertices[faces[f][0]], vertices[faces[f][1]], vertices[faces[f][2]]);
    for (int i = 2; i < clipped.count; ++i) {
      ScreenTriangle triangle;
      triangle.face = static_cast<std::uint32_t>(f);
      const int corners[3] = {0, i - 1, i};
      for (std::size_t c = 0; c < 3; ++c) {
        const ClipCorner& corner = clipped.corners[static_cast<std::size_t>(corners[c])];
        triangle.corners[c] = to_screen(corner, width, height);
        triangle.weights[c] = corner.weights;
      }
      // Most faces of a fine mesh cover no pixel centre and end here.
      if (!pixel_box(triangle, width, height).empty()) triangles.push_back(triangle);
    }
  }
  return triangles;
}

void check_arguments(std::size_t vertices,
                     std::span<const std::array<std::uint32_t, 3>> faces,
                     int width,
                     int height) {
  SINTER_CHECK(width >= 1 && width <= kMaxSide && height >= 1 && height <= kMaxSide,
               ErrorCode::invalid_argument,
               "[rasterize] picture: expected sides of 1..",
               kMaxSide,
               ", got ",
               width,
               " x ",
               height);
  SINTER_CHECK(faces.size() <= 0x7fffffff,
               ErrorCode::unsupported,
               "[rasterize] faces: expected less than 2^31, got ",
               faces.size());
  for (const auto& face : faces) {
    for (const std::uint32_t index : face) {
      SINTER_CHECK(index < vertices,
                   ErrorCode::invalid_argument,
                   "[rasterize] a face refers to vertex ",
                   index,
                   "; expected less than ",
                   vertices);
    }
  }
}

}  // namespace

Raster rasterize(std::span<const ClipVertex> vertices,
                 std::span<const std::array<std::uint32_t, 3>> faces,
                 int width,
                 int height,
                 int threads) {
  check_arguments(vertices.size(), faces, width, height);
  return mesh::with_memory_errors("rasterize", [&] {
    Raster raster{width, height, {}};
    raster.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));

    // Blocks of faces are set up independently and then read in order by every band of rows.
    constexpr std::int64_t kBlockFaces = 4096;
    const auto face_count = static_cast<std::int64_t>(faces.size());
    std::vector<std::vector<ScreenTriangle>> blocks(
        static_cast<std::size_t>((face_count + kBlockFaces - 1) / kBlockFaces));
    mesh::parallel_blocks(
        threads, face_count, kBlockFaces, [&](std::int64_t begin, std::int64_t end) {
          blocks[static_cast<std::size_t>(begin / kBlockFaces)] =
              set_up(vertices,
                     faces,
                     static_cast<std::size_t>(begin),
                     static_cast<std::size_t>(end),
                     width,
                     height);
        });

    std::vector<std::vector<const ScreenTriangle*>> bands(
        static_cast<std::size_t>((height + kBandRows - 1) / kBandRows));
    for (const auto& block : blocks) {
      for (const ScreenTriangle& triangle : block) {
        const PixelBox box = pixel_box(triangle, width, height);
        for (int band = box.y_begin / kBandRows; band <= (box.y_end - 1) / kBandRows; ++band) {
          bands[static_cast<std::size_t>(band)].push_back(&triangle);
        }
      }
    }
    mesh::parallel_blocks(
        threads, static_cast<std::int64_t>(bands.size()), 1, [&](std::int64_t band, std::int64_t) {
          const int row = static_cast<int>(band) * kBandRows;
          Target target(raster, row, std::min(row + kBandRows, height));
          for (const ScreenTriangle* triangle : bands[static_cast<std::size_t>(band)])
            target.fill(*triangle);
        });
    return raster;
  });
}

}  // namespace sinter::texture
