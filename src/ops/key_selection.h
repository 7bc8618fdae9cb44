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

// For one group of queries, on the host.

/// For each head the `count` keys of the largest product with that head's row of `mean_query`
/// [heads, dim], ascending; of equal ones the first. The mean of dot products is the dot product of
/// the mean, so this is the selection by mean score over the queries that were averaged.
KeyLists top_keys(Context& ctx,
                  const PackedKeyValues& keys,
                  const Tensor& mean_query,
                  std::int64_t count);

/// Sets marked[key], and leaves the others alone, where for some query of q [tokens, heads, dim]
/// the mean over heads of softmax(q k^T) exceeds `threshold`. marked: one a key. Raises
/// ErrorCode::cancelled between queries.
void mark_attended_keys(Context& ctx,
                        const PackedKeyValues& keys,
                        const HeadView& q,
                        float threshold,
                        std::span<std::uint8_t> marked);

/// The same list for every head: the keys whose mark is set, ascending. At least one must be.
KeyLists marked_keys(std::int64_t heads, std::span<const std::uint8_t> marked);

// The two rules for many groups of queries together. q [tokens, heads, dim] holds the groups one
// behind the other, group_sizes the tokens of each, at least one. For each group a copy of the keys
// that it keeps. On the device of the keys; at most 8192 keys on a GPU.

/// Those of top_keys() for the mean of the group's queries.
std::vector<PackedKeyValues> choose_top_keys(Context& ctx,
                                             const PackedKeyValues& keys,
                                             const HeadView& q,
                                             std::span<const std::int64_t> group_sizes,
                                             std::int64_t count);

/// Those that mark_attended_keys() marks for the group's queries. Waits for their numbers.
std::vector<PackedKeyValues> choose_attended_keys(Context& ctx,
                                                  const PackedKeyValues& keys,
                                                  const HeadView& q,
                                                  std::span<const std::int64_t> group_sizes,
                                                  float threshold);

}  // namespace sinter::ops
