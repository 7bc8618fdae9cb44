#include "ops/cuda/choice.h"

#include <algorithm>

#include "cuda/status.h"
#include "ops/cuda/key_selection.h"

namespace sinter::ops::cuda {

namespace {

using sinter::cuda::check;

constexpr const char* kName = "key selection";

ChoiceKeys keys_of(const PackedKeyValues& keys) {
  return {keys.data(), keys.dtype(), keys.keys(), keys.heads(), keys.dim()};
}

ChoiceQueries queries_of(const HeadView& q, const PackedKeyValues& keys) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  SINTER_CHECK(q.dtype == keys.dtype() && q.tokens < kMost,
               ErrorCode::invalid_argument,
               "[",
               kName,
               "] queries: expected ",
               to_string(keys.dtype()),
               " and fewer than ",
               kMost,
               ", got ",
               q.tokens,
               " of ",
               to_string(q.dtype));
  return {q.data, q.token_stride, q.head_stride};
}

/// Calls body(groups) for as many groups as a launch takes, one such after the other.
template <class Body>
void for_launches(std::span<const std::int64_t> group_sizes, Body body) {
  std::int64_t row = 0;
  for (std::size_t begin = 0; begin < group_sizes.size(); begin += RowGroups::kMost) {
    RowGroups groups;
    groups.first[0] = static_cast<int>(row);
    for (const std::int64_t size : group_sizes.subspan(
             begin, std::min<std::size_t>(RowGroups::kMost, group_sizes.size() - begin))) {
      row += size;
      groups.first[++groups.count] = static_cast<int>(row);
    }
    body(groups);
  }
}

/// Copies of each group's listed keys, behind those that `results` has. The lists are those of
/// gather_keys().
void gather(const PackedKeyValues& keys,
            std::span<const std::int32_t> counts,
            const std::int32_t* index,
            std::int64_t group_stride,
            std::int64_t head_stride,
            const Queue& queue,
            std::vector<PackedKeyValues>& results) {
  ChosenKeys chosen{.groups = static_cast<int>(counts.size())};
  for (std::size_t g = 0; g < counts.size(); ++g) {
    const std::int64_t elements = 2 * std::int64_t{counts[g]} * keys.heads() * keys.dim();
    Buffer packed(static_cast<std::size_t>(elements) * size_of(keys.dtype()), &queue.memory);
    chosen.to[g] = packed.data();
    chosen.count[g] = counts[g];
    results.emplace_back(
        std::move(packed), counts[g], keys.heads(), keys.dim(), keys.dtype(), keys.device());
  }
  gather_keys(chosen, keys_of(keys), index, group_stride, head_stride, queue.stream);
}

}  // namespace

std::vector<PackedKeyValues> choose_top_keys(Context& ctx,
                                             const PackedKeyValues& keys,
                                             const HeadView& q,
                                             std::span<const std::int64_t> group_sizes,
                                             std::int64_t count,
                                             const Queue& queue) {
  const ChoiceQueries queries = queries_of(q, keys);
  std::vector<PackedKeyValues> results;
  for_launches(group_sizes, [&](const RowGroups& groups) {
    ArenaScope scope(ctx.arena());
    const std::int64_t heads = keys.heads();
    const Tensor mean = ctx.allocate(DType::f32, {groups.count, heads, keys.dim()}, "mean query");
    const Tensor index = ctx.allocate(DType::i32, {groups.count, heads, count}, "chosen keys");
    mean_queries(mean.f32_mut(), queries, keys_of(keys), groups, queue.stream);
    top_keys(
        index.ptr<std::int32_t>(), mean.f32(), keys_of(keys), groups.count, count, queue.stream);
    const std::vector<std::int32_t> counts(static_cast<std::size_t>(groups.count),
                                           static_cast<std::int32_t>(count));
    gather(keys, counts, index.ptr<std::int32_t>(), heads * count, count, queue, results);
  });
  return results;
}

std::vector<PackedKeyValues> choose_attended_keys(Context& ctx,
                                                  const PackedKeyValues& keys,
                                                  const HeadView& q,
                                                  std::span<const std::int64_t> group_sizes,
                                                  float threshold,
                                                  const Queue& queue) {
  const ChoiceQueries queries = queries_of(q, keys);
  std::vector<PackedKeyValues> results;
  for_launches(group_sizes, [&](const RowGroups& groups) {
    ArenaScope scope(ctx.arena());
    const Tensor marked = ctx.allocate(DType::u8, {groups.count, keys.keys()}, "marked keys");
    const Tensor index = ctx.allocate(DType::i32, {groups.count, keys.keys()}, "chosen keys");
    const Tensor found = ctx.allocate(DType::i32, {groups.count}, "numbers of keys");
    check(cudaMemsetAsync(marked.data, 0, marked.bytes(), queue.stream), kName);
    auto* const marks = marked.ptr<std::uint8_t>();
    mark_attended_keys(marks, queries, keys_of(keys), groups, threshold, queue.stream);
    marked_keys(index.ptr<std::int32_t>(),
                found.ptr<std::int32_t>(),
                marks,
                keys.keys(),
                groups.count,
                queue.stream);
    std::vector<std::int32_t> counts(static_cast<std::size_t>(groups.count));
    check(cudaMemcpyAsync(
              counts.data(), found.data, found.bytes(), cudaMemcpyDeviceToHost, queue.stream),
          kName);
    check(cudaStreamSynchronize(queue.stream), kName);
    gather(keys, counts, index.ptr<std::int32_t>(), keys.keys(), 0, queue, results);
  });
  return results;
}

}  // namespace sinter::ops::cuda
