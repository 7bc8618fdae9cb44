#pragma once
// The surface to charts that are flattened one-to-one.

#include <vector>

#include "texture/unwrap/chart.h"

namespace sinter::texture {

struct MakeChartsOptions {
  double max_deviation = 0.12;  ///< see ClusterOptions
  double max_extent = 1;        ///< see ClusterOptions
  int threads = 1;
};

/// Every face that is not collapsed lies in one chart; `slots` receives their places.
std::vector<Chart> make_charts(const Surface& surface,
                               const MakeChartsOptions& options,
                               FaceSlots& slots);

}  // namespace sinter::texture
