#pragma once
// Finds what is missing around the cells that are known to be crossed.

#include <functional>
#include <vector>

#include "mesh/brick_table.h"

namespace sinter::mesh {

/// Points without a finite value, of cells that have finite values on both sides of the level,
/// ascending and each once. `closed`: everything beyond the lattice counts as outside. `bricks`:
/// looks only at cells with a corner in these bricks (all of `values` where empty). `poll`, where
/// set, is called now and then and may throw.
std::vector<GridIndex> missing_corners(const BrickTable& values,
                                       float level,
                                       bool closed,
                                       const std::vector<GridIndex>& bricks,
                                       int threads,
                                       const std::function<void()>& poll = {});

}  // namespace sinter::mesh
