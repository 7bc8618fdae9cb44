#include "models/hunyuan_dit_plain_blocks.h"

#include "ops/elementwise.h"
#include "ops/norm.h"

namespace sinter::models {

namespace {

constexpr float kNormEps = 1e-6F;
constexpr nn::RmsHeadNorm::Names kNormNames = {"q_norm.weight", "k_norm.weight"};

std::optional<PlainSkip> bind_skip(const checkpoint::Binder& block,
                                   const HunyuanDitPlainConfig& config,
                                   std::int64_t layer) {
  if (config.skip_source(layer) < 0) return std::nullopt;
  return PlainSkip(block, config);
}

std::optional<nn::Mlp> bind_mlp(const checkpoint::Binder& block,
                                const HunyuanDitPlainConfig& config,
                                std::int64_t layer) {
  if (config.is_mixture(layer)) return std::nullopt;
  return nn::Mlp(block.scope("mlp"),
                 {.fc = "fc1", .proj = "fc2"},
                 config.width,
                 config.inner(),
                 ops::Activation::gelu_erf);
}

std::optional<nn::MixtureOfExperts> bind_moe(const checkpoint::Binder& block,
                                             const HunyuanDitPlainConfig& config,
                                             std::int64_t layer) {
  if (!config.is_mixture(layer)) return std::nullopt;
  return nn::MixtureOfExperts(block.scope("moe"),
                              {.width = config.width,
                               .inner = config.inner(),
                               .experts = config.experts,
                               .top_k = config.top_k});
}

}  // namespace

PlainSkip::PlainSkip(const checkpoint::Binder& block, const HunyuanDitPlainConfig& config)
    : linear(block, "skip_linear", 2 * config.width, config.width),
      norm(block, "skip_norm", config.width, kNormEps) {}

void PlainSkip::apply(Context& ctx, const Tensor& skip, const Tensor& x) const {
  ArenaScope scope(ctx.arena());
  const std::int64_t width = x.dim(1);
  const Tensor both = ctx.activation({x.dim(0), 2 * width}, "skip|x");
  ops::copy_into(ctx, ops::columns(both, 0, width), skip);
  ops::copy_into(ctx, ops::columns(both, width, 2 * width), x);
  ops::copy_into(ctx, x, norm.forward(ctx, linear.forward(ctx, both)));
}

PlainSelfAttention::PlainSelfAttention(const checkpoint::Binder& binder,
                                       const HunyuanDitPlainConfig& config)
    : heads(config.heads),
      qkv(nn::Linear::stacked(binder, {"to_q", "to_k", "to_v"}, config.width, config.width, false)),
      norm(binder, kNormNames, config.head_dim(), kNormEps),
      out(binder, "out_proj", config.width, config.width) {}

void PlainSelfAttention::add_to(Context& ctx,
                                const Tensor& residual,
                                const Tensor& x,
                                std::int64_t branches) const {
  ArenaScope scope(ctx.arena());
  const std::int64_t d = x.dim(1) / heads, rows = x.dim(0) / branches;
  const Tensor fused = qkv.forward(ctx, x);
  const ops::HeadView queries = ops::heads_of(fused, heads, d, 0, 3 * d);
  const ops::HeadView keys = ops::heads_of(fused, heads, d, d, 3 * d);
  const ops::HeadView values = ops::heads_of(fused, heads, d, 2 * d, 3 * d);
  norm.apply(ctx, queries, keys);
  const Tensor mixed = ctx.activation(x.shape, "attention");
  const ops::HeadView results = ops::heads_of(mixed, heads, d);
  std::vector<ops::AttentionInput> sequences;
  for (std::int64_t begin = 0; begin < x.dim(0); begin += rows) {
    const auto branch = [&](const ops::HeadView& view) {
      return ops::tokens_of(view, begin, begin + rows);
    };
    sequences.push_back({branch(queries), branch(keys), branch(values), branch(results)});
  }
  ops::attention(ctx, sequences);
  out.add_to(ctx, residual, {}, mixed);
}

PlainCrossAttention::PlainCrossAttention(const checkpoint::Binder& binder,
                                         const HunyuanDitPlainConfig& config)
    : heads(config.heads),
      q(binder, "to_q", config.width, config.width, false),
      kv(nn::Linear::stacked(binder, {"to_k", "to_v"}, config.context_width, config.width, false)),
      norm(binder, kNormNames, config.head_dim(), kNormEps),
      out(binder, "out_proj", config.width, config.width),
      out_bias(binder.take("out_proj.bias", {config.width})) {}

ops::PackedKeyValues PlainCrossAttention::keys_values(Context& ctx, const Tensor& condition) const {
  ArenaScope scope(ctx.arena());
  const Tensor fused = kv.forward(ctx, condition);
  const std::int64_t d = fused.dim(1) / 2 / heads;
  const ops::HeadView keys = ops::heads_of(fused, heads, d, 0, 2 * d);
  norm.apply_key(ctx, keys);
  return {ctx, keys, ops::heads_of(fused, heads, d, d, 2 * d)};
}

void PlainCrossAttention::add_to(Context& ctx,
                                 const Tensor& residual,
                                 const Tensor& x,
                                 const ops::PackedKeyValues& context) const {
  if (context.keys() == 0) {
    ops::add_in_place(ctx, residual, out_bias);
    return;
  }
  ArenaScope scope(ctx.arena());
  const Tensor queries = q.forward(ctx, x);
  const ops::HeadView view = ops::heads_of(queries, heads, x.dim(1) / heads);
  norm.apply_query(ctx, view);
  ops::attention(ctx, view, context, view);
  out.add_to(ctx, residual, {}, queries);
}

PlainBlock::PlainBlock(const checkpoint::Binder& block,
                       const HunyuanDitPlainConfig& config,
                       std::int64_t layer)
    : skip(bind_skip(block, config, layer)),
      norm1(block, "norm1", config.width, kNormEps),
      norm2(block, "norm2", config.width, kNormEps),
      norm3(block, "norm3", config.width, kNormEps),
      attn1(block.scope("attn1"), config),
      attn2(block.scope("attn2"), config),
      mlp(bind_mlp(block, config, layer)),
      moe(bind_moe(block, config, layer)) {}

void PlainBlock::forward(Context& ctx,
                         const Tensor& x,
                         const PlainContext& context,
                         const Tensor& skip_value) const {
  const auto branches = static_cast<std::int64_t>(context.size());
  const std::int64_t rows = x.dim(0) / branches;
  if (skip) skip->apply(ctx, skip_value, x);
  {
    ArenaScope scope(ctx.arena());
    attn1.add_to(ctx, x, norm1.forward(ctx, x), branches);
  }
  for (std::int64_t b = 0; b < branches; ++b) {
    ArenaScope scope(ctx.arena());
    const Tensor part = x.slice(b * rows, (b + 1) * rows);
    const ops::PackedKeyValues& memory = context[static_cast<std::size_t>(b)];
    attn2.add_to(ctx, part, norm2.forward(ctx, part), memory);
  }
  ArenaScope scope(ctx.arena());
  const Tensor normed = norm3.forward(ctx, x);
  if (moe) {
    moe->add_to(ctx, x, normed);
  } else {
    mlp->add_to(ctx, x, {}, normed);
  }
}

}  // namespace sinter::models
