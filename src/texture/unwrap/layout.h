#pragma once
// Which of several ways to cut the surface fills the atlas best, and the places of its charts.

#include <vector>

#include "texture/unwrap/chart.h"
#include "texture/unwrap/pack.h"

namespace sinter::texture {

/// Total length of the charts' borders that are edges between faces of the surface, in its units;
/// each is the border of two charts.
double seam_length(const Surface& surface, const std::vector<Chart>& charts);

struct Layout {
  std::vector<Chart> charts;
  Packing packing;
};

/// Of several sets of charts that cover the surface, at least one, scaled: the one that fills most
/// of the atlas for the length of its seams. Raises unsupported where the first does not fit at any
/// scale.
Layout choose_layout(const Surface& surface,
                     std::vector<std::vector<Chart>> sets,
                     const PackOptions& options);

}  // namespace sinter::texture
