#pragma once
// A chart's vertices to the plane.

#include <cstdint>
#include <vector>

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
  valid,        ///< no face is mirrored, the border does not cross itself: a one-to-one map
  flipped,      ///< some faces are mirrored
  overlapping,  ///< the border crosses itself, or there is none
  hopeless,     ///< stopped early; the uv are of no use
};

/// Faces, as indices into chart.faces, in ascending order, that keep the chart's uv from being
/// one-to-one: mirrored ones, or those at one side of each place where the border crosses itself.
std::vector<std::uint32_t> find_culprits(const Surface& surface, const Chart& chart);

/// Moves the chart's uv towards an isometry and sets its stretch.
FlattenStatus flatten_chart(const Surface& surface,
                            const FlattenOptions& options,
                            Chart& chart);

}  // namespace sinter::texture
