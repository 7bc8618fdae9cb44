#pragma once
// Neighbouring charts to larger ones that flatten as well.

#include <vector>

#include "texture/unwrap/chart.h"

namespace sinter::texture {

struct JoinOptions {
  /// Largest mean squared stretch of a joint chart, unless its parts have more.
  double max_stretch = 1.04;
  /// How much the mean squared stretch may grow by joining two charts.
  double max_growth = 0.004;
  /// Longest side of a joint chart, in units of the surface.
  double max_extent = 1;
  int threads = 1;
};

/// Joins pairs of charts until none is left that may be joined. Charts keep the order of their
/// first part.
void join_charts(const Surface& surface,
                 const JoinOptions& options,
                 FaceSlots& slots,
                 std::vector<Chart>& charts);

}  // namespace sinter::texture
