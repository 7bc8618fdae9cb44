#pragma once
// Whether a flattened chart covers every point of the plane at most once.
//
// It does where (1) no face is mirrored, (2) the faces around every vertex go around it at most
// once, and (3) the border does not meet itself. By (1) and (2) the map is locally one-to-one, and
// the turning numbers of the border's loops add up to the chart's Euler number (Gauss-Bonnet). By
// (3) each loop turns once, one way or the other; so exactly one runs anticlockwise, around all
// others, and no point can be covered twice.

#include <cstdint>
#include <vector>

#include "texture/unwrap/reference.h"

namespace sinter::texture {

/// Conditions (2) and (3); a chart without a border fails.
bool is_one_to_one(const Chart& chart);

/// Faces, as ascending indices into chart.faces, that stand in the way: the mirrored ones; where
/// there are none, those around vertices that break (2) and at one side of every place that
/// breaks (3).
std::vector<std::uint32_t> find_culprits(const Surface& surface, const Chart& chart);

}  // namespace sinter::texture
