#include "texture/unwrap/measure.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "texture/unwrap/vec.h"

namespace sinter::texture {
namespace {

struct FlatFace {
  std::array<Vec3, 3> surface;
  std::array<Vec2, 3> atlas;  ///< in texels
  double area = 0, atlas_area = 0;
};

FlatFace read_face(const mesh::TriangleMesh& mesh,
                   const UnwrapResult& result,
                   std::size_t f,
                   double width,
                   double height) {
  FlatFace face;
  for (std::size_t k = 0; k < 3; ++k) {
    const mesh::Vec3& p = mesh.positions[mesh.faces[f][k]];
    const auto& uv = result.uv[result.faces[f][k]];
    face.surface[k] = {p[0], p[1], p[2]};
    face.atlas[k] = {width * uv[0], height * uv[1]};
  }
  const auto& s = face.surface;
  face.area = length(cross(s[1] - s[0], s[2] - s[0])) / 2;
  face.atlas_area = orientation(face.atlas[0], face.atlas[1], face.atlas[2]) / 2;
  return face;
}

/// Squared singular values of the map from the atlas to the surface, the larger first.
std::array<double, 2> squared_stretch(const FlatFace& face) {
  const auto& [p, q, r] = face.atlas;
  const auto& s = face.surface;
  const double scale = 1 / (2 * face.atlas_area);
  const Vec3 by_x = scale * ((q.y - r.y) * s[0] + (r.y - p.y) * s[1] + (p.y - q.y) * s[2]);
  const Vec3 by_y = scale * ((r.x - q.x) * s[0] + (p.x - r.x) * s[1] + (q.x - p.x) * s[2]);
  const double a = dot(by_x, by_x), b = dot(by_x, by_y), c = dot(by_y, by_y);
  const double root = std::sqrt((a - c) * (a - c) + 4 * b * b);
  return {(a + c + root) / 2, std::max(0.0, (a + c - root) / 2)};
}

/// Sign of each chart's area in the atlas.
std::vector<double> orientations(const UnwrapResult& result,
                                 const std::vector<FlatFace>& faces,
                                 bool charts_may_mirror) {
  const std::int32_t charts = 1 + *std::max_element(result.chart.begin(), result.chart.end());
  std::vector<double> sums(static_cast<std::size_t>(charts), 1);
  if (!charts_may_mirror) return sums;
  std::fill(sums.begin(), sums.end(), 0);
  for (std::size_t f = 0; f < faces.size(); ++f) {
    if (result.chart[f] >= 0) {
      sums[static_cast<std::size_t>(result.chart[f])] += faces[f].atlas_area;
    }
  }
  for (double& sum : sums) sum = sum < 0 ? -1 : 1;
  return sums;
}

}  // namespace

AtlasMeasure measure_atlas(const mesh::TriangleMesh& mesh,
                           const UnwrapResult& result,
                           double width,
                           double height,
                           bool charts_may_mirror) {
  AtlasMeasure measure;
  std::vector<FlatFace> faces;
  double total = 0;
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    faces.push_back(read_face(mesh, result, f, width, height));
    total += faces.back().area;
  }
  if (faces.empty()) return measure;
  const std::vector<double> signs = orientations(result, faces, charts_may_mirror);
  double area = 0, atlas_area = 0, energy = 0, largest = 0;
  for (std::size_t f = 0; f < faces.size(); ++f) {
    if (result.chart[f] < 0) continue;
    FlatFace& face = faces[f];
    if (signs[static_cast<std::size_t>(result.chart[f])] < 0) {
      std::swap(face.atlas[1], face.atlas[2]);
      std::swap(face.surface[1], face.surface[2]);
      face.atlas_area = -face.atlas_area;
    }
    measure.use += std::max(0.0, face.atlas_area);
    if (face.atlas_area <= 0) {
      const double longest = std::max({length(face.atlas[1] - face.atlas[0]),
                                       length(face.atlas[2] - face.atlas[1]),
                                       length(face.atlas[0] - face.atlas[2])});
      const double height_of_face = longest > 0 ? -2 * face.atlas_area / longest : 0;
      measure.flipped_faces += height_of_face > kFlippedHeight * std::max(width, height);
      continue;
    }
    if (!(face.area > kMeasuredArea * total)) continue;
    const auto [first, second] = squared_stretch(face);
    area += face.area;
    atlas_area += face.atlas_area;
    energy += face.area * (first + second) / 2;
    largest = std::max(largest, first);
  }
  measure.use /= width * height;
  if (area > 0) {
    measure.stretch_l2 = std::sqrt(energy / area * atlas_area / area);
    measure.stretch_linf = std::sqrt(largest * atlas_area / area);
  }
  return measure;
}

}  // namespace sinter::texture
