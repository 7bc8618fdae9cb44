#pragma once
// A piece of the surface with its place in the plane.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "texture/unwrap/surface.h"

namespace sinter::texture {

/// How a chart's map from the surface to the plane stretches.
struct ChartStretch {
  double area = 0;     ///< on the surface
  double uv_area = 0;  ///< in the plane
  /// Integral over the surface of (s1^2 + s2^2) / 2, with s1, s2 the singular values of the map
  /// from the plane to the surface.
  double energy = 0;
  double max = 1;  ///< largest s1, at a scale at which both areas are equal
  /// The mean squared stretch at a scale at which both areas are equal; 1 for an isometry.
  double mean_square() const { return area > 0 ? energy * uv_area / (area * area) : 1; }
};

/// A half-edge of the surface with the chart's vertices at its ends.
struct BorderEdge {
  std::int32_t half_edge;
  std::int32_t from, to;
};

/// A connected set of faces, cut open along its border and perhaps along seams inside it.
struct Chart {
  std::vector<std::uint32_t> faces;
  /// By face: the chart's own vertices at its corners. Corners of faces that are glued to each
  /// other share vertices, so a surface vertex comes once for every fan of glued faces.
  std::vector<std::array<std::int32_t, 3>> corners;
  /// By vertex, in units of the surface.
  std::vector<Vec2> uv;
  /// What is not glued to another face of the chart.
  std::vector<BorderEdge> border;
  ChartStretch stretch;
};

/// Place of a face in its chart: by face, index into Chart::faces.
using FaceSlots = std::vector<std::int32_t>;

/// Charts from labels 0 .. count - 1: all faces with a label, glued along all edges they share.
/// Every label must be one connected set. `uv` is left zero; slots of other faces stay.
std::vector<Chart> build_charts(const Surface& surface,
                                std::span<const std::int32_t> labels,
                                std::int32_t count,
                                FaceSlots& slots,
                                int threads);

}  // namespace sinter::texture
