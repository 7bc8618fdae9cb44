#pragma once
// Evaluates every point of the grid.

#include "mesh/field.h"
#include "mesh/sample_stats.h"

namespace sinter::mesh {

struct DenseOptions {
  std::int64_t chunk = 16384;  ///< most points in one call of the sampler, at least 1
  SampleProgress progress = {};
};

/// Points are offered brick by brick, so a chunk is compact in space. Raises ErrorCode::internal
/// where the sampler returns a value that is not finite, and what the sampler itself raises.
Field sample_dense(const Grid& grid,
                   const FieldSampler& sampler,
                   const DenseOptions& options = {},
                   SampleStats* stats = nullptr);

}  // namespace sinter::mesh
