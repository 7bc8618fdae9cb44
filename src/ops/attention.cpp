#include "ops/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/threads.h"
#include "ops/check.h"

namespace sinter::ops {

namespace {

/// Pointer to head `head` of token `token` of the concatenation.
float* at(const HeadList& list, std::int64_t token, std::int64_t head) {
  for (const HeadView& view : list.segments()) {
    if (token < view.tokens) return view.data + token * view.token_stride + head * view.head_stride;
    token -= view.tokens;
  }
  return nullptr;
}

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
               ", got ",
               list.tokens(),
               " tokens, ",
               list.heads(),
               " heads of ",
               list.dim(),
               origin(list.segments()[0].name));
}

}  // namespace

void attention(Context& ctx,
               const HeadList& q,
               const HeadList& k,
               const HeadList& v,
               const HeadList& dst,
               const AttentionOptions& options) {
  check_heads("k", k, q, k.tokens());
  check_heads("v", v, q, k.tokens());
  check_heads("dst", dst, q, q.tokens());
  SINTER_CHECK(
      k.tokens() > 0, ErrorCode::invalid_argument, "[attention] k: expected a key, got none");
  if (q.device() != Device::cpu) fail_device("attention", q.device());
  const std::int64_t keys = k.tokens();
  const std::int64_t dim = q.dim();
  const float scale =
      options.scale == 0.0F ? 1.0F / std::sqrt(static_cast<float>(dim)) : options.scale;
  const Tensor scores = ctx.allocate(DType::f32, {std::max(ctx.threads, 1), keys + dim});
  cpu::parallel_ranges(
      ctx.threads, q.tokens(), [&](std::int64_t begin, std::int64_t end, int thread) {
        float* logits = scores.f32_mut() + thread * (keys + dim);
        float* sums = logits + keys;
        for (std::int64_t token = begin; token < end; ++token) {
          for (std::int64_t head = 0; head < q.heads(); ++head) {
            const float* query = at(q, token, head);
            float top = -std::numeric_limits<float>::infinity();
            for (std::int64_t key = 0; key < keys; ++key) {
              const float* other = at(k, key, head);
              float dot = 0.0F;
              for (std::int64_t c = 0; c < dim; ++c) dot += query[c] * other[c];
              logits[key] = dot * scale + (key == 0 ? options.first_key_bias : 0.0F);
              top = std::max(top, logits[key]);
            }
            std::fill(sums, sums + dim, 0.0F);
            float total = 0.0F;
            for (std::int64_t key = 0; key < keys; ++key) {
              const float weight = std::exp(logits[key] - top);
              const float* value = at(v, key, head);
              total += weight;
              for (std::int64_t c = 0; c < dim; ++c) sums[c] += weight * value[c];
            }
            float* out = at(dst, token, head);
            for (std::int64_t c = 0; c < dim; ++c) out[c] = sums[c] / total;
          }
        }
      });
}

}  // namespace sinter::ops
