#pragma once
// Which keys of a long sequence matter to a group of queries, so that the group can attend to those
// alone.
//
// Lai et al., "FlashVDM" (arXiv 2503.16302), adaptive key-value selection. Upstream:
// hy3dgen/shapegen/models/autoencoders/attention_processors.py (FlashVDMCrossAttentionProcessor:
// the mean, FlashVDMTopMCrossAttentionProcessor: the merged set). Both work on raw dot products,
// without the factor 1 / sqrt(dim).

#include <cstdint>
#include <span>
#include <vector>

#include "ops/attention.h"

namespace sinter::ops {

// Groups of queries: q [tokens, heads, dim] holds them one behind the other, group_sizes the tokens
// of each, at least one. Each function gives a copy of the keys, and their values, that each group
// keeps. On the device of the keys; at most 8192 keys on a GPU.

/// For each head the `count` keys of the largest mean product with the group's queries, in their
/// order; of equal ones the first.
std::vector<PackedKeyValues> choose_top_keys(Context& ctx,
                                             const PackedKeyValues& keys,
                                             const HeadView& q,
                                             std::span<const std::int64_t> group_sizes,
                                             std::int64_t count);

/// The same keys for all heads: those for which the mean over heads of softmax(q k^T) exceeds
/// `threshold` for some query of the group, in their order; at least one must be. On a GPU it waits
/// for their numbers. Raises ErrorCode::cancelled between queries.
std::vector<PackedKeyValues> choose_attended_keys(Context& ctx,
                                                  const PackedKeyValues& keys,
                                                  const HeadView& q,
                                                  std::span<const std::int64_t> group_sizes,
                                                  float threshold);

}  // namespace sinter::ops
