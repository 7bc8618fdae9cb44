#include "nn/transformer.h"

#include <array>
#include <vector>

namespace sinter::nn {

namespace {

Mlp bind_mlp(const checkpoint::Binder& binder, const BlockOptions& block) {
  return {binder.scope("mlp"),
          {.fc = "c_fc", .proj = "c_proj"},
          block.width,
          block.width * block.mlp_ratio,
          ops::Activation::gelu_erf};
}

LayerHeadNorm bind_norm(const checkpoint::Binder& binder, const BlockOptions& block) {
  if (!block.qk_norm) return {};
  return {binder.scope("attn").scope("attention"), block.head_dim(), block.norm_eps};
}

}  // namespace

SelfAttentionBlock::SelfAttentionBlock(const checkpoint::Binder& binder, const BlockOptions& block)
    : options(block),
      ln_1(binder, "ln_1", block.width, block.norm_eps),
      ln_2(binder, "ln_2", block.width, block.norm_eps),
      qkv(binder, "attn.c_qkv", block.width, 3 * block.width, block.qkv_bias),
      proj(binder, "attn.c_proj", block.width, block.width),
      norm(bind_norm(binder, block)),
      mlp(bind_mlp(binder, block)) {}

void SelfAttentionBlock::forward(Context& ctx, const Tensor& x) const {
  ArenaScope scope(ctx.arena());
  const std::int64_t n = options.heads, d = options.head_dim();
  {
    ArenaScope attention(ctx.arena());
    const Tensor y = qkv.forward(ctx, ln_1.forward(ctx, x));
    const ops::HeadView queries = ops::heads_of(y, n, d, 0, 3 * d);
    const ops::HeadView keys = ops::heads_of(y, n, d, d, 3 * d);
    const ops::HeadView values = ops::heads_of(y, n, d, 2 * d, 3 * d);
    norm.apply_query(ctx, queries);
    norm.apply_key(ctx, keys);
    const Tensor mixed = ctx.activation(x.shape, "attention");
    ops::attention(ctx, queries, keys, values, ops::heads_of(mixed, n, d));
    proj.add_to(ctx, x, {}, mixed);
  }
  mlp.add_to(ctx, x, {}, ln_2.forward(ctx, x));
}

CrossAttentionBlock::CrossAttentionBlock(const checkpoint::Binder& binder,
                                         const BlockOptions& block)
    : options(block),
      ln_1(binder, "ln_1", block.width, block.norm_eps),
      ln_2(binder, "ln_2", block.width, block.norm_eps),
      ln_3(binder, "ln_3", block.width, block.norm_eps),
      q(binder, "attn.c_q", block.width, block.width, block.qkv_bias),
      kv(binder, "attn.c_kv", block.width, 2 * block.width, block.qkv_bias),
      proj(binder, "attn.c_proj", block.width, block.width),
      norm(bind_norm(binder, block)),
      mlp(bind_mlp(binder, block)) {}

ops::PackedKeyValues CrossAttentionBlock::keys_values(Context& ctx, const Tensor& memory) const {
  ArenaScope scope(ctx.arena());
  const std::int64_t n = options.heads, d = options.head_dim();
  const Tensor y = kv.forward(ctx, ln_2.forward(ctx, memory));
  const ops::HeadView keys = ops::heads_of(y, n, d, 0, 2 * d);
  norm.apply_key(ctx, keys);
  return {ctx, keys, ops::heads_of(y, n, d, d, 2 * d)};
}

Tensor CrossAttentionBlock::queries(Context& ctx, const Tensor& x) const {
  const Tensor y = q.forward(ctx, ln_1.forward(ctx, x));
  norm.apply_query(ctx, ops::heads_of(y, options.heads, options.head_dim()));
  return y;
}

void CrossAttentionBlock::forward(Context& ctx,
                                  const Tensor& x,
                                  const ops::PackedKeyValues& memory) const {
  forward(ctx, x, std::array{MemoryGroup{x.dim(0), &memory}});
}

void CrossAttentionBlock::forward(Context& ctx,
                                  const Tensor& x,
                                  std::span<const MemoryGroup> groups) const {
  ArenaScope scope(ctx.arena());
  {
    ArenaScope attention(ctx.arena());
    const Tensor mixed = queries(ctx, x);
    const ops::HeadView heads = ops::heads_of(mixed, options.heads, options.head_dim());
    std::vector<ops::PackedAttentionInput> inputs;
    std::int64_t first = 0;
    for (const auto& [rows, memory] : groups) {
      const ops::HeadView group = ops::tokens_of(heads, first, first + rows);
      inputs.push_back({group, memory, group});
      first += rows;
    }
    SINTER_CHECK(first == x.dim(0),
                 ErrorCode::internal,
                 "[cross attention] groups: expected ",
                 x.dim(0),
                 " rows, got ",
                 first);
    ops::attention(ctx, inputs);
    proj.add_to(ctx, x, {}, mixed);
  }
  mlp.add_to(ctx, x, {}, ln_3.forward(ctx, x));
}

}  // namespace sinter::nn
