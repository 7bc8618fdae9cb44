#pragma once
// Greedy farthest-point sampling (Gonzalez 1985; Eldar et al., "The farthest point strategy for
// progressive image sampling", 1997).

#include <cstdint>

#include "core/context.h"
#include "core/tensor.h"

namespace sinter::ops {

/// points [N, 3] f32 finite -> [count] i64, indices in the order picked: `start` first, then always
/// the point whose distance to the picked ones is largest; ties go to the lowest index.
/// 1 <= count <= N, 0 <= start < N. Squared distances are f32. O(N * count) time, N floats of
/// scratch.
Tensor farthest_point_sampling(Context& ctx,
                               const Tensor& points,
                               std::int64_t count,
                               std::int64_t start);

}  // namespace sinter::ops
