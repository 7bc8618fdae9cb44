#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "cuda/status.h"
#include "ops/cuda/attention_kernel.cuh"
#include "ops/cuda/processors.h"

namespace sinter::ops::cuda {

namespace {

using sinter::cuda::HeadRows;

int tiles_of(std::int64_t rows, int block) {
  return static_cast<int>((rows + block - 1) / block);
}

void check_rows(const HeadRows& rows, const HeadRows& like, const char* what) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  SINTER_CHECK(rows.data != nullptr && rows.heads == like.heads && rows.dim == like.dim &&
                   rows.tokens > 0 && rows.tokens < kMost,
               ErrorCode::invalid_argument,
               "[attention] ",
               what,
               ": expected ",
               like.heads,
               " heads of ",
               like.dim,
               ", got ",
               rows.tokens,
               " tokens, ",
               rows.heads,
               " heads of ",
               rows.dim);
}

/// The first segment that has tokens: what all others must agree with.
const HeadRows& pattern_of(const AttentionCall& call) {
  for (const QuerySegment& segment : call.sequences[0].queries) {
    if (segment.q.tokens > 0) return segment.q;
  }
  fail(ErrorCode::invalid_argument, "[attention] expected at least one query in every sequence");
}

void fill_queries(const QuerySegment& from,
                  const AttentionCall& call,
                  const HeadRows& like,
                  int query_block,
                  Segment& to) {
  check_rows(from.q, like, "q");
  check_rows(from.dst, like, "dst");
  SINTER_CHECK(from.q.tokens == from.dst.tokens,
               ErrorCode::invalid_argument,
               "[attention] dst: expected ",
               from.q.tokens,
               " tokens as in q, got ",
               from.dst.tokens);
  to.q = sinter::cuda::head_rows_map(from.q, call.dtype, query_block, "attention");
  to.dst = const_cast<void*>(from.dst.data);
  to.dst_token_stride = from.dst.token_stride;
  to.dst_head_stride = from.dst.head_stride;
  to.queries = static_cast<int>(from.q.tokens);
  to.query_tiles = tiles_of(from.q.tokens, query_block);
}

void fill_keys(const KeySegment& from,
               const AttentionCall& call,
               const HeadRows& like,
               Segment& to) {
  check_rows(from.k, like, "k");
  check_rows(from.v, like, "v");
  SINTER_CHECK(from.k.tokens == from.v.tokens,
               ErrorCode::invalid_argument,
               "[attention] v: expected ",
               from.k.tokens,
               " tokens as in k, got ",
               from.v.tokens);
  to.k = sinter::cuda::head_rows_map(from.k, call.dtype, kKeyBlock, "attention");
  to.v = sinter::cuda::head_rows_map(from.v, call.dtype, kKeyBlock, "attention");
  to.keys = static_cast<int>(from.k.tokens);
}

Sequence make_sequence(const AttentionSequence& from,
                       const AttentionCall& call,
                       const HeadRows& like,
                       int query_block,
                       float scale) {
  Sequence to{};
  int keys = 0;
  for (int g = 0; g < kMaxSegments; ++g) {
    if (from.queries[g].q.tokens > 0)
      fill_queries(from.queries[g], call, like, query_block, to.segments[g]);
    if (from.keys[g].k.tokens > 0) fill_keys(from.keys[g], call, like, to.segments[g]);
    to.tiles += to.segments[g].query_tiles;
    keys += to.segments[g].keys;
  }
  SINTER_CHECK(to.tiles > 0 && keys > 0,
               ErrorCode::invalid_argument,
               "[attention] expected at least one query and one key in every sequence, got ",
               keys,
               " keys");
  if (from.first_key_bias != 0.0F) {
    const KeySegment& first = from.keys[0];
    SINTER_CHECK(
        first.k.tokens == 1 && from.keys[1].k.tokens > 0,
        ErrorCode::invalid_argument,
        "[attention] first_key_bias: expected a first segment of one key and a second one, got ",
        first.k.tokens,
        " and ",
        from.keys[1].k.tokens);
    to.sink_key = first.k.data;
    to.sink_value = first.v.data;
    to.sink_key_head_stride = first.k.head_stride;
    to.sink_value_head_stride = first.v.head_stride;
    to.sink_bias = from.first_key_bias / scale;
  }
  return to;
}

/// When the last block would end: tiles go, longest first, to whichever processor is free.
template <class G>
double makespan(const AttentionCall& call, int processors) {
  struct Tiles {
    std::int64_t key_blocks = 0, count = 0;
  };
  std::vector<Tiles> sequences;
  for (const AttentionSequence& s : call.sequences) {
    Tiles& tiles = sequences.emplace_back();
    for (std::size_t g = 0; g < kMaxSegments; ++g) {
      tiles.count += tiles_of(s.queries[g].q.tokens, G::kQueryBlock) * s.queries[g].q.heads;
      const bool in_block = g > 0 || s.first_key_bias == 0.0F;
      if (in_block) tiles.key_blocks += tiles_of(s.keys[g].k.tokens, kKeyBlock);
    }
  }
  std::sort(sequences.begin(), sequences.end(), [](const Tiles& a, const Tiles& b) {
    return a.key_blocks > b.key_blocks;
  });
  double rounds = 0;                                               // that all processors work
  std::vector<double> busy(static_cast<std::size_t>(processors));  // beyond that; a heap
  for (const Tiles& tiles : sequences) {
    const double time = G::kTileTime + static_cast<double>(tiles.key_blocks) * G::kBlockTime;
    rounds += static_cast<double>(tiles.count / processors) * time;
    for (std::int64_t i = 0; i < tiles.count % processors; ++i) {
      std::pop_heap(busy.begin(), busy.end(), std::greater<>{});
      busy.back() += time;
      std::push_heap(busy.begin(), busy.end(), std::greater<>{});
    }
  }
  return rounds + *std::max_element(busy.begin(), busy.end());
}

template <class T, class G>
void launch(const AttentionCall& call,
            const AttentionWorkspace& workspace,
            float scale,
            int processors,
            cudaStream_t stream) {
  const HeadRows& like = pattern_of(call);
  Parameters p{};
  p.count = static_cast<int>(call.sequences.size());
  p.heads = static_cast<int>(like.heads);
  p.scale_log2 = scale * std::log2(std::exp(1.0F));
  p.dst_factor = call.dst_factor;
  p.counters = workspace.counters();
  for (int i = 0; i < p.count; ++i) {
    p.sequences[i] = make_sequence(call.sequences[i], call, like, G::kQueryBlock, scale);
    p.total_tiles += p.sequences[i].tiles * p.heads;
  }
  const auto keys = [](const Sequence& s) { return s.segments[0].keys + s.segments[1].keys; };
  std::stable_sort(p.sequences, p.sequences + p.count, [&](const Sequence& a, const Sequence& b) {
    return keys(a) > keys(b);
  });

  constexpr int kBytes = sizeof(Shared<T, G>) + 1024;
  sinter::cuda::check(
      cudaFuncSetAttribute(
          attention_kernel<T, G>, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes),
      "attention");
  attention_kernel<T, G><<<std::min(p.total_tiles, processors), G::kThreads, kBytes, stream>>>(p);
  sinter::cuda::check_launch("attention");
}

template <class T>
void launch(const AttentionCall& call,
            const AttentionWorkspace& workspace,
            float scale,
            cudaStream_t stream) {
  using Tall = Geometry<64, 3>;
  using Short = Geometry<64, 2>;
  using Wide = Geometry<128, 2>;
  const int processors = processor_count("attention");
  if (pattern_of(call).dim == Wide::kDim)
    return launch<T, Wide>(call, workspace, scale, processors, stream);
  const bool tall = call.query_block != 0
                        ? call.query_block == Tall::kQueryBlock
                        : makespan<Tall>(call, processors) <= makespan<Short>(call, processors);
  tall ? launch<T, Tall>(call, workspace, scale, processors, stream)
       : launch<T, Short>(call, workspace, scale, processors, stream);
}

}  // namespace

void attention(const AttentionCall& call,
               const AttentionWorkspace& workspace,
               cudaStream_t stream) {
  SINTER_CHECK(!call.sequences.empty() && call.sequences.size() <= kMaxSequences,
               ErrorCode::invalid_argument,
               "[attention] expected 1..",
               kMaxSequences,
               " sequences, got ",
               call.sequences.size());
  SINTER_CHECK(call.dtype == DType::f16 || call.dtype == DType::bf16,
               ErrorCode::invalid_argument,
               "[attention] expected f16 or bf16, got ",
               to_string(call.dtype));
  const std::int64_t dim = pattern_of(call).dim;
  SINTER_CHECK(dim == 64 || dim == 128,
               ErrorCode::invalid_argument,
               "[attention] expected heads of 64 or 128 channels, got ",
               dim);
  SINTER_CHECK(call.query_block == 0 || call.query_block == 128 || call.query_block == 192,
               ErrorCode::invalid_argument,
               "[attention] query_block: expected 128 or 192, got ",
               call.query_block);
  const float scale = call.scale != 0.0F ? call.scale : 1.0F / std::sqrt(static_cast<float>(dim));
  SINTER_CHECK(scale > 0.0F,
               ErrorCode::invalid_argument,
               "[attention] scale: expected above 0, got ",
               scale);
  call.dtype == DType::f16 ? launch<__half>(call, workspace, scale, stream)
                           : launch<__nv_bfloat16>(call, workspace, scale, stream);
}

}  // namespace sinter::ops::cuda
