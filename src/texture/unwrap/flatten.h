#pragma once
// A chart's vertices to the plane.

#include "texture/unwrap/chart.h"

namespace sinter::texture {

/// Orthogonal projection along the chart's mean normal, or onto the plane that fits best where the
/// normals cancel out: the start for flatten_chart().
void project_chart(const Surface& surface, Chart& chart);

struct FlattenOptions {
  int max_iterations = 10;
  /// Stop once the mean squared stretch cannot be expected to get below this.
  double hopeless_above = 1e30;
};

enum class FlattenStatus {
  valid,        ///< one-to-one, see one_to_one.h
  flipped,      ///< some faces are mirrored
  overlapping,  ///< no face is mirrored, but it is not one-to-one
  hopeless,     ///< stopped early; the uv are of no use
};

/// Moves the chart's uv towards an isometry and sets its stretch.
FlattenStatus flatten_chart(const Surface& surface, const FlattenOptions& options, Chart& chart);

}  // namespace sinter::texture
