#pragma once
// choose_top_keys() and choose_attended_keys() on the GPU: the kernels of key_selection.h for any
// number of groups.

#include <cuda_runtime.h>

#include <span>
#include <vector>

#include "ops/attention.h"

namespace sinter::ops::cuda {

/// Where the work goes.
struct Queue {
  Allocator& memory;
  cudaStream_t stream;
};

/// Queues the work and returns. ctx.arena() gives the memory on the way.
std::vector<PackedKeyValues> choose_top_keys(Context& ctx,
                                             const PackedKeyValues& keys,
                                             const HeadView& q,
                                             std::span<const std::int64_t> group_sizes,
                                             std::int64_t count,
                                             const Queue& queue);

/// Waits once for the numbers of keys of each RowGroups::kMost groups.
std::vector<PackedKeyValues> choose_attended_keys(Context& ctx,
                                                  const PackedKeyValues& keys,
                                                  const HeadView& q,
                                                  std::span<const std::int64_t> group_sizes,
                                                  float threshold,
                                                  const Queue& queue);

}  // namespace sinter::ops::cuda
