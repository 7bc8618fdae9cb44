// What attention_torch.py calls: attention() over a fused [tokens, 3, heads, dim] tensor, as plain
// C.

#include <cstdio>

#include "core/error.h"
#include "ops/cuda/attention.h"

namespace {

using sinter::cuda::HeadRows;
using namespace sinter::ops::cuda;

struct Fused {
  const std::uint16_t* qkv;
  std::uint16_t* dst;
  std::int64_t heads, dim;

  HeadRows part(std::int64_t first, std::int64_t tokens, int which) const {
    const std::int64_t width = heads * dim;
    return {qkv + first * 3 * width + which * width, tokens, heads, dim, 3 * width, dim};
  }
  void add(AttentionSequence& s,
           std::size_t segment,
           std::int64_t first,
           std::int64_t tokens) const {
    const std::int64_t width = heads * dim;
    s.queries[segment] = {part(first, tokens, 0),
                          {dst + first * width, tokens, heads, dim, width, dim}};
    s.keys[segment] = {part(first, tokens, 1), part(first, tokens, 2)};
  }
};

}  // namespace

extern "C" {

/// One sequence attends to itself: tokens [0, tokens). dtype 0 f16, 1 bf16. \return 0, or 1 after
/// printing what went wrong.
int sinter_self_attention(
    const void* qkv, void* dst, long tokens, long heads, long dim, long dtype, void* stream) try {
  static const AttentionWorkspace workspace;
  const Fused fused{
      static_cast<const std::uint16_t*>(qkv), static_cast<std::uint16_t*>(dst), heads, dim};
  AttentionSequence s;
  fused.add(s, 0, 0, tokens);
  attention({{&s, 1}, dtype == 0 ? sinter::DType::f16 : sinter::DType::bf16, 0.0F},
            workspace,
            static_cast<cudaStream_t>(stream));
  return 0;
} catch (const sinter::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}

/// A guided step of the shape transformer: rows are condition tokens, one unconditional token that
/// counts `condition` times, latents of the conditional branch, latents of the unconditional one.
/// f16.
int sinter_guided_attention(const void* qkv,
                            void* dst,
                            long condition,
                            long latents,
                            long heads,
                            long dim,
                            float bias,
                            void* stream) try {
  static const AttentionWorkspace workspace;
  const Fused fused{
      static_cast<const std::uint16_t*>(qkv), static_cast<std::uint16_t*>(dst), heads, dim};
  AttentionSequence s[2];
  fused.add(s[0], 0, 0, condition);
  fused.add(s[0], 1, condition + 1, latents);
  fused.add(s[1], 0, condition, 1);
  fused.add(s[1], 1, condition + 1 + latents, latents);
  s[1].first_key_bias = bias;
  attention({s, sinter::DType::f16, 0.0F}, workspace, static_cast<cudaStream_t>(stream));
  return 0;
} catch (const sinter::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}

/// Queries of one tensor [tokens, heads, dim] against keys and values fused as [keys, 2, heads,
/// dim]. f16.
int sinter_cross_attention(const void* q,
                           const void* kv,
                           void* dst,
                           long tokens,
                           long keys,
                           long heads,
                           long dim,
                           void* stream) try {
  static const AttentionWorkspace workspace;
  const std::int64_t width = heads * dim;
  AttentionSequence s;
  s.queries[0] = {{q, tokens, heads, dim, width, dim}, {dst, tokens, heads, dim, width, dim}};
  const auto* first = static_cast<const std::uint16_t*>(kv);
  s.keys[0] = {{first, keys, heads, dim, 2 * width, dim},
               {first + width, keys, heads, dim, 2 * width, dim}};
  attention({{&s, 1}, sinter::DType::f16, 0.0F}, workspace, static_cast<cudaStream_t>(stream));
  return 0;
} catch (const sinter::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
}
