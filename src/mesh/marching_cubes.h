#pragma once
// Marching cubes whose result has no hole and no non-manifold edge or vertex.

#include <functional>

#include "mesh/field.h"
#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

/// Where a vertex at grid position `idx` (in cells, fractional) lands.
enum class CoordinateMode {
  correct,          ///< idx / N * (upper - lower) + lower: the grid's own points
  upstream_parity,  ///< idx / (N + 1) * (upper - lower) + lower: upstream's formula, off by up to a
                    ///< cell
};

struct MarchingCubesOptions {
  float level = 0;  ///< a point is inside iff its value is above
  /// Treat everything beyond the box as outside: the result is closed. Otherwise the surface ends
  /// in boundary edges where it meets the box.
  bool close_at_border = true;
  CoordinateMode coordinates = CoordinateMode::correct;
  int threads = 1;  ///< never changes the result
  /// Called now and then on the calling thread. To cancel, throw.
  std::function<void()> poll = {};
};

/// How grid positions become coordinates: position * scale + the grid's lower corner.
struct GridPlacement {
  std::array<double, 3> scale;
  double margin;  ///< least distance of a vertex from both ends of its edge, in cells
};
GridPlacement place_on_grid(const Grid& grid, CoordinateMode mode);

/// Raises the error of marching_cubes() for values that lie on one side of the level.
void check_level_is_crossed(const ValueRange& range, float level);

/// The level set of the field, faces counter-clockwise seen from outside (lower values).
///
/// Vertices lie on grid edges by linear interpolation in float64 (a few more inside cells), one for
/// each crossed edge, kept at least 1/1024 of an edge away from both ends: that way faces have
/// area also where a value equals the level. Values that are not evaluated (NaN) count as outside,
/// and no face touches an edge that ends in one. Vertex and face order follow the grid.
///
/// Raises ErrorCode::invalid_argument where no value, or every value, is above the level; the
/// message names the smallest and largest value.
TriangleMesh marching_cubes(const Field& field, const MarchingCubesOptions& options = {});

}  // namespace sinter::mesh
