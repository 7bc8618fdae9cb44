#pragma once
// Charts cut in two where they lie, without flattening them again.

#include <vector>

#include "texture/unwrap/chart.h"

namespace sinter::texture {

/// Cuts every chart across the middle of its upright box's longer side, along edges of faces; a
/// half that falls apart makes several charts. A chart that is glued in fewer places than the
/// surface allows stays whole.
std::vector<Chart> halve_charts(const Surface& surface,
                                const std::vector<Chart>& charts,
                                int threads);

}  // namespace sinter::texture
