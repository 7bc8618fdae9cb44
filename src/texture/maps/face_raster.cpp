#include "texture/maps/face_raster.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "mesh/parallel.h"
#include "texture/maps/face_rows.h"

namespace sinter::texture {
namespace {

constexpr int kMaxSide = 32768;
/// Rows of the picture that one thread fills at a time; its depths stay in the second cache.
constexpr int kBandRows = 32;
/// Faces that one thread looks at at a time.
constexpr std::int64_t kFaceGrain = 4096;

/// Faces by band of rows, rising within each.
struct Bins {
  std::vector<std::uint32_t> faces;
  std::vector<std::size_t> begin;  ///< of each band in `faces`, and the end
};

Bins sort_into_bands(const std::vector<PixelBox>& boxes, int bands) {
  Bins bins;
  bins.begin.assign(static_cast<std::size_t>(bands) + 1, 0);
  const auto for_each_band = [&](const PixelBox& box, auto&& visit) {
    if (box.empty()) return;
    const auto last = static_cast<std::size_t>((box.y_end - 1) / kBandRows);
    for (auto band = static_cast<std::size_t>(box.y_begin / kBandRows); band <= last; ++band) {
      visit(band);
    }
  };
  for (const PixelBox& box : boxes) {
    for_each_band(box, [&](std::size_t band) { ++bins.begin[band + 1]; });
  }
  for (std::size_t band = 0; band < static_cast<std::size_t>(bands); ++band) {
    bins.begin[band + 1] += bins.begin[band];
  }
  bins.faces.resize(bins.begin.back());
  std::vector<std::size_t> next(bins.begin.begin(), bins.begin.end() - 1);
  for (std::size_t f = 0; f < boxes.size(); ++f) {
    for_each_band(boxes[f], [&](std::size_t band) {
      bins.faces[next[band]++] = static_cast<std::uint32_t>(f);
    });
  }
  return bins;
}

/// Draws into rows of its own, which stay in a cache near the processor, and copies the faces out.
void draw_band(FaceRaster& raster,
               std::span<const mesh::Face> faces,
               const std::vector<PixelBox>& boxes,
               const Bins& bins,
               int band,
               DrawFace draw) {
  const int first_row = band * kBandRows, end_row = std::min(raster.height, first_row + kBandRows);
  const auto width = static_cast<std::size_t>(raster.width);
  const std::size_t stride = width + kRowLanes;
  const std::size_t pixels = static_cast<std::size_t>(end_row - first_row) * stride;
  std::vector<std::int32_t> depth(pixels, kEmptyDepth), face(pixels, 0);
  const FaceRows rows{depth.data(), face.data(), static_cast<std::int64_t>(stride), first_row};
  const auto number = static_cast<std::size_t>(band);
  for (std::size_t i = bins.begin[number]; i < bins.begin[number + 1]; ++i) {
    const std::uint32_t f = bins.faces[i];
    PixelBox box = boxes[f];
    box.y_begin = std::max(box.y_begin, first_row);
    box.y_end = std::min(box.y_end, end_row);
    draw(raster.points[faces[f][0]],
         raster.points[faces[f][1]],
         raster.points[faces[f][2]],
         box,
         static_cast<std::int32_t>(f + 1),
         rows);
  }
  for (int y = first_row; y < end_row; ++y) {
    const std::int32_t* const from = face.data() + static_cast<std::size_t>(y - first_row) * stride;
    std::copy_n(from, width, raster.face.data() + static_cast<std::size_t>(y) * width);
  }
}

void check_faces(std::span<const ClipVertex> vertices, std::span<const mesh::Face> faces) {
  for (std::size_t f = 0; f < faces.size(); ++f) {
    for (const std::uint32_t v : faces[f]) {
      SINTER_CHECK(v < vertices.size(),
                   ErrorCode::invalid_argument,
                   "[raster] face ",
                   f,
                   ": expected vertices below ",
                   vertices.size(),
                   ", got ",
                   v);
    }
  }
}

}  // namespace

void check_raster_size(std::size_t faces, int width, int height) {
  SINTER_CHECK(width >= 1 && width <= kMaxSide && height >= 1 && height <= kMaxSide,
               ErrorCode::invalid_argument,
               "[raster] picture: expected sides of 1..",
               kMaxSide,
               " pixels, got ",
               width,
               " x ",
               height);
  SINTER_CHECK(faces < std::numeric_limits<std::int32_t>::max(),
               ErrorCode::invalid_argument,
               "[raster] mesh: expected fewer than 2^31 - 1 faces, got ",
               faces);
}

FaceRaster rasterize_faces(std::span<const ClipVertex> vertices,
                           std::span<const mesh::Face> faces,
                           int width,
                           int height,
                           int threads,
                           Instructions instructions) {
  check_raster_size(faces.size(), width, height);
  check_faces(vertices, faces);
  return mesh::with_memory_errors("raster", [&] {
    FaceRaster raster{.width = width, .height = height, .points = {}, .face = {}};
    raster.face.assign(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), 0);
    raster.points.resize(vertices.size());
    const auto each = [&](std::size_t count, auto&& body) {
      mesh::parallel_blocks(
          threads,
          static_cast<std::int64_t>(count),
          kFaceGrain,
          [&](std::int64_t begin, std::int64_t end) {
            for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
              body(i);
            }
          });
    };
    each(vertices.size(),
         [&](std::size_t v) { raster.points[v] = to_screen(vertices[v], width, height); });
    std::vector<PixelBox> boxes(faces.size());
    each(faces.size(), [&](std::size_t f) {
      boxes[f] = pixel_box(raster.points[faces[f][0]],
                           raster.points[faces[f][1]],
                           raster.points[faces[f][2]],
                           width,
                           height);
    });
    const int bands = (height + kBandRows - 1) / kBandRows;
    const Bins bins = sort_into_bands(boxes, bands);
    const DrawFace draw = draw_face_for(instructions);
    mesh::parallel_blocks(threads, bands, 1, [&](std::int64_t band, std::int64_t) {
      draw_band(raster, faces, boxes, bins, static_cast<int>(band), draw);
    });
    return raster;
  });
}

}  // namespace sinter::texture
