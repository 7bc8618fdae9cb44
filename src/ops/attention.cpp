#include "ops/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "cpu/gemm.h"
#include "cpu/kernels.h"
#include "cpu/threads.h"
#include "ops/backend.h"
#include "ops/check.h"
#include "ops/pointwise_rows.h"

namespace sinter::ops {

namespace {

/// Memory for packed keys and values; heads are taken in groups that fit.
constexpr std::int64_t kPackedBytes = std::int64_t{64} << 20;

void check_heads(const char* what, const HeadList& list, const HeadList& q, std::int64_t tokens) {
  SINTER_CHECK(list.heads() == q.heads() && list.dim() == q.dim() && list.tokens() == tokens &&
                   list.device() == q.device(),
               ErrorCode::invalid_argument,
               "[attention] ",
               what,
               ": expected ",
               tokens,
               " tokens, ",
               q.heads(),
               " heads of ",
               q.dim(),
               " on ",
               to_string(q.device()),
               ", got ",
               list.tokens(),
               " tokens, ",
               list.heads(),
               " heads of ",
               list.dim(),
               " on ",
               to_string(list.device()),
               origin(list.segments()[0].name));
}

/// Calls body(segment's first of these tokens, head, token in the sequence, count) for the
/// stretches that tokens [begin, end) of the sequence have in one segment each.
template <class Body>
void for_stretches(const HeadList& list, std::int64_t begin, std::int64_t end, Body body) {
  std::int64_t first = 0;
  for (const HeadView& view : list.segments()) {
    const std::int64_t from = std::max(begin, first);
    const std::int64_t to = std::min(end, first + view.tokens);
    if (from < to) body(view, from - first, from, to - from);
    first += view.tokens;
  }
}

/// Sizes of packed heads, in floats; see cpu::AttendTask for the layout.
struct HeadLayout {
  std::int64_t keys, dim;
  std::int64_t key_panels;
  std::int64_t k_size, v_size;  // of one head

  HeadLayout(std::int64_t key_count, std::int64_t head_dim)
      : keys(key_count),
        dim(head_dim),
        key_panels((keys + cpu::kPanel - 1) / cpu::kPanel),
        k_size(key_panels * cpu::kPanel * dim),
        v_size((dim + cpu::kPanel - 1) / cpu::kPanel * cpu::kPanel * keys) {}
  std::int64_t size() const { return k_size + v_size; }
};

/// Keys [begin, end) of one head; begin is a multiple of the panel width.
void pack_keys(const HeadList& list,
               std::int64_t head,
               std::int64_t begin,
               std::int64_t end,
               const HeadLayout& layout,
               float* dst) {
  for_stretches(list, begin, end, [&](const HeadView& view, auto from, auto key, auto count) {
    const float* src = view.at(from, head);
    cpu::pack_panel_rows(src, view.token_stride, key, count, layout.keys, layout.dim, dst);
  });
}

void pack_values(const HeadList& list,
                 std::int64_t head,
                 std::int64_t begin,
                 std::int64_t end,
                 const HeadLayout& layout,
                 float* dst) {
  for_stretches(list, begin, end, [&](const HeadView& view, auto from, auto key, auto count) {
    for (std::int64_t i = 0; i < count; ++i) {
      const float* src = view.at(from + i, head);
      for (std::int64_t column = 0; column < layout.dim; column += cpu::kPanel) {
        const std::int64_t width = std::min(cpu::kPanel, layout.dim - column);
        float* row = dst + column * layout.keys + (key + i) * cpu::kPanel;
        std::copy(src + column, src + column + width, row);
        std::fill(row + width, row + cpu::kPanel, 0.0F);
      }
    }
  });
}

/// Keys of one head from panels to panels; the last panel is filled up with zeros.
void gather_keys(const float* src, const std::int32_t* list, const HeadLayout& to, float* dst) {
  constexpr std::int64_t kPanel = cpu::kPanel;
  for (std::int64_t key = 0; key < to.key_panels * kPanel; ++key) {
    float* column = dst + key / kPanel * kPanel * to.dim + key % kPanel;
    const std::int64_t chosen = key < to.keys ? list[key] : 0;
    const float* from = src + chosen / kPanel * kPanel * to.dim + chosen % kPanel;
    for (std::int64_t i = 0; i < to.dim; ++i) {
      column[i * kPanel] = key < to.keys ? from[i * kPanel] : 0.0F;
    }
  }
}

void gather_values(const float* src,
                   const std::int32_t* list,
                   const HeadLayout& from,
                   const HeadLayout& to,
                   float* dst) {
  constexpr std::int64_t kPanel = cpu::kPanel;
  for (std::int64_t column = 0; column < to.dim; column += kPanel) {
    for (std::int64_t key = 0; key < to.keys; ++key) {
      std::copy_n(src + column * from.keys + list[key] * kPanel,
                  kPanel,
                  dst + column * to.keys + key * kPanel);
    }
  }
}

/// A group of heads, packed: [heads][k_size], then [heads][v_size].
struct PackedGroup {
  std::int64_t first;  ///< head of q, k, v and dst that the group starts with
  std::int64_t heads;
  HeadLayout layout;
  const float* packed;

  const float* k(std::int64_t head) const { return packed + head * layout.k_size; }
  const float* v(std::int64_t head) const {
    return packed + heads * layout.k_size + head * layout.v_size;
  }
};

void pack_group(
    int threads, const HeadList& k, const HeadList& v, const PackedGroup& group, float* packed) {
  const HeadLayout& layout = group.layout;
  const std::int64_t panels = layout.key_panels;
  cpu::parallel_ranges(
      threads, group.heads * panels, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t unit = begin; unit < end; ++unit) {
          const std::int64_t head = unit / panels;
          const std::int64_t key = unit % panels * cpu::kPanel;
          const std::int64_t last = std::min(key + cpu::kPanel, layout.keys);
          float* to_k = packed + (group.k(head) - group.packed);
          float* to_v = packed + (group.v(head) - group.packed);
          pack_keys(k, group.first + head, key, last, layout, to_k);
          pack_values(v, group.first + head, key, last, layout, to_v);
        }
      });
}

/// Queries [begin, end) of one head, in blocks that lie in one segment of q and one of dst.
void attend_head(const HeadList& q,
                 const HeadList& dst,
                 std::int64_t head,
                 std::int64_t begin,
                 std::int64_t end,
                 cpu::AttendTask task) {
  for_stretches(q, begin, end, [&](const HeadView& query, auto from, auto token, auto total) {
    for_stretches(
        dst, token, token + total, [&](const HeadView& out, auto at, auto row, auto count) {
          for (std::int64_t i = 0; i < count; i += cpu::kQueryBlock) {
            task.rows = std::min(cpu::kQueryBlock, count - i);
            task.q = query.at(from + row - token + i, head);
            task.q_stride = query.token_stride;
            task.dst = out.at(at + i, head);
            task.dst_stride = out.token_stride;
            cpu::kernels().attend(task);
          }
        });
  });
}

void attend_group(Context& ctx,
                  int threads,
                  const HeadList& q,
                  const PackedGroup& group,
                  const HeadList& dst,
                  const AttentionOptions& options) {
  constexpr float kLog2E = 1.44269504F;
  ArenaScope scope(ctx.arena());
  const HeadLayout& layout = group.layout;
  const std::int64_t scratch_size = cpu::attend_scratch_size(layout.dim);
  float* scratch = ctx.allocate(DType::f32, {threads, scratch_size}, "attention").f32_mut();
  const float scale =
      options.scale == 0.0F ? 1.0F / std::sqrt(static_cast<float>(layout.dim)) : options.scale;
  cpu::parallel_ranges(threads, q.tokens(), [&](std::int64_t begin, std::int64_t end, int thread) {
    cpu::AttendTask task{};
    task.dim = layout.dim;
    task.keys = layout.keys;
    task.scale = kLog2E * scale;
    task.first_bias = kLog2E * options.first_key_bias;
    task.scratch = scratch + thread * scratch_size;
    for (std::int64_t head = 0; head < group.heads; ++head) {
      task.k = group.k(head);
      task.v = group.v(head);
      attend_head(q, dst, group.first + head, begin, end, task);
    }
  });
}

int threads_for(const Context& ctx, std::int64_t queries, const HeadLayout& layout) {
  return useful_threads(ctx, queries * layout.keys * 4);
}

void attention_cpu(Context& ctx,
                   const HeadList& q,
                   const HeadList& k,
                   const HeadList& v,
                   const HeadList& dst,
                   const AttentionOptions& options) {
  ArenaScope scope(ctx.arena());
  const HeadLayout layout(k.tokens(), q.dim());
  const auto head_bytes = layout.size() * std::int64_t{sizeof(float)};
  const std::int64_t heads = std::clamp<std::int64_t>(kPackedBytes / head_bytes, 1, q.heads());
  float* packed = ctx.allocate(DType::f32, {heads, layout.size()}, "packed keys").f32_mut();
  const int threads = threads_for(ctx, q.tokens() * q.heads(), layout);
  for (std::int64_t first = 0; first < q.heads(); first += heads) {
    const PackedGroup group{first, std::min(heads, q.heads() - first), layout, packed};
    pack_group(threads, k, v, group, packed);
    attend_group(ctx, threads, q, group, dst, options);
  }
}

void check_keys(const HeadList& k, const HeadList& v) {
  check_heads("v", v, k, k.tokens());
  SINTER_CHECK(k.tokens() > 0,
               ErrorCode::invalid_argument,
               "[attention] k: expected at least one key, got ",
               k.tokens(),
               " keys",
               origin(k.segments()[0].name));
}

void check_group(const HeadList& q,
                 const PackedKeyValues& keys,
                 const HeadList& dst,
                 Device device) {
  SINTER_CHECK(keys.keys() > 0 && keys.heads() == q.heads() && keys.dim() == q.dim() &&
                   keys.device() == device && q.device() == device,
               ErrorCode::invalid_argument,
               "[attention] packed keys: expected ",
               q.heads(),
               " heads of ",
               q.dim(),
               " on ",
               to_string(device),
               ", got ",
               keys.heads(),
               " heads of ",
               keys.dim(),
               " on ",
               to_string(keys.device()),
               origin(q.segments()[0].name));
  check_heads("dst", dst, q, q.tokens());
}

}  // namespace

void attention(Context& ctx, std::span<const AttentionInput> sequences) {
  constexpr std::size_t kMostSequences = 4;
  SINTER_CHECK(!sequences.empty() && sequences.size() <= kMostSequences,
               ErrorCode::invalid_argument,
               "[attention] expected 1 to ",
               kMostSequences,
               " sequences, got ",
               sequences.size());
  for (const AttentionInput& input : sequences) {
    check_heads("k", input.k, input.q, input.k.tokens());
    check_keys(input.k, input.v);
    check_heads("dst", input.dst, input.q, input.q.tokens());
  }
  if (sequences.front().q.device() != Device::cpu) {
    return backend(ctx, "attention").attention(ctx, sequences);
  }
  for (const auto& [q, k, v, dst, options] : sequences) attention_cpu(ctx, q, k, v, dst, options);
}

void attention(Context& ctx,
               const HeadList& q,
               const HeadList& k,
               const HeadList& v,
               const HeadList& dst,
               const AttentionOptions& options) {
  attention(ctx, std::array{AttentionInput{q, k, v, dst, options}});
}

PackedKeyValues::PackedKeyValues(Context& ctx, const HeadList& k, const HeadList& v)
    : keys_(k.tokens()),
      heads_(k.heads()),
      dim_(k.dim()),
      device_(k.device()),
      dtype_(k.segments()[0].dtype) {
  check_keys(k, v);
  if (device_ != Device::cpu) {
    packed_ = backend(ctx, "attention").pack_keys_values(k, v);
    return;
  }
  const HeadLayout layout(keys_, dim_);
  packed_ = Buffer(static_cast<std::size_t>(heads_ * layout.size()) * sizeof(float));
  float* packed = reinterpret_cast<float*>(packed_.data());
  const int threads = useful_threads(ctx, heads_ * layout.size());
  pack_group(threads, k, v, {0, heads_, layout, packed}, packed);
}

const float* PackedKeyValues::packed_keys(std::int64_t head) const {
  return packed() + head * HeadLayout(keys_, dim_).k_size;
}

PackedKeyValues PackedKeyValues::gather(Context& ctx, const KeyLists& lists) const {
  const auto valid = [&](std::int32_t key) { return key >= 0 && key < keys_; };
  SINTER_CHECK(lists.count > 0 && lists.heads == heads_ &&
                   std::cmp_equal(lists.index.size(), lists.heads * lists.count) &&
                   std::all_of(lists.index.begin(), lists.index.end(), valid),
               ErrorCode::invalid_argument,
               "[attention] key lists: expected ",
               heads_,
               " lists of keys below ",
               keys_,
               ", got ",
               lists.heads,
               " of ",
               lists.count);
  if (device_ != Device::cpu) fail_device("key selection", device_);
  PackedKeyValues chosen;
  chosen.keys_ = lists.count;
  chosen.heads_ = heads_;
  chosen.dim_ = dim_;
  const HeadLayout from(keys_, dim_), to(lists.count, dim_);
  chosen.packed_ = Buffer(static_cast<std::size_t>(heads_ * to.size()) * sizeof(float));
  float* const dst = reinterpret_cast<float*>(chosen.packed_.data());
  const PackedGroup all{0, heads_, from, packed()};
  const int threads = useful_threads(ctx, heads_ * to.size());
  cpu::parallel_ranges(threads, heads_, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t head = begin; head < end; ++head) {
      const std::int32_t* list = lists.index.data() + head * lists.count;
      gather_keys(all.k(head), list, to, dst + head * to.k_size);
      gather_values(all.v(head), list, from, to, dst + heads_ * to.k_size + head * to.v_size);
    }
  });
  return chosen;
}

void attention(Context& ctx,
               std::span<const PackedAttentionInput> groups,
               const AttentionOptions& options) {
  SINTER_CHECK(!groups.empty(),
               ErrorCode::invalid_argument,
               "[attention] expected at least one group of queries, got none");
  for (const auto& [q, keys, dst] : groups) check_group(q, *keys, dst, groups.front().q.device());
  if (groups.front().q.device() != Device::cpu) {
    return backend(ctx, "attention").attention(ctx, groups, options);
  }
  for (const auto& [q, keys, dst] : groups) {
    const HeadLayout layout(keys->keys(), keys->dim());
    const int threads = threads_for(ctx, q.tokens() * q.heads(), layout);
    attend_group(ctx, threads, q, {0, keys->heads(), layout, keys->packed()}, dst, options);
  }
}

void attention(Context& ctx,
               const HeadList& q,
               const PackedKeyValues& keys,
               const HeadList& dst,
               const AttentionOptions& options) {
  attention(ctx, std::array{PackedAttentionInput{q, &keys, dst}}, options);
}

}  // namespace sinter::ops
