#pragma once
// The block of the 2.1 shape transformer: skip connection, self-attention, cross-attention to the
// condition, feed-forward branch.
//
// Bao et al.: "All are worth words: a ViT backbone for diffusion models", 2023 (long skips, time as
// a token). Upstream: hy3dshape/models/denoisers/hunyuandit.py, HunYuanDiTBlock.
//
// Upstream concatenates to_q, to_k and to_v on channels and then views the result head by head, so
// that a head's queries, keys and values are neighbours and to_q holds keys as well. Stacked into
// one product, the rows read [head][q|k|v][d] (self), [head][k|v][d] (cross), as the VAE's do.
//
// Shapes: H width, R rows of all branches of a step together, each branch a time token and its L
// latent tokens; T condition tokens.

#include <cstdint>
#include <optional>
#include <vector>

#include "checkpoint/binder.h"
#include "models/hunyuan_dit_plain_config.h"
#include "nn/head_norm.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/mlp.h"
#include "nn/moe.h"
#include "ops/attention.h"

namespace sinter::models {

/// Keys and values of the condition in one block, the same in every step of a run, for each branch.
/// One without keys stands for a condition of zeros.
using PlainContext = std::vector<ops::PackedKeyValues>;

/// norm_linear(concat(skip, x)): Linear, then LayerNorm.
struct PlainSkip {
  nn::Linear linear;  ///< 2 H -> H, the channels of the skip first
  nn::LayerNorm norm;

  PlainSkip(const checkpoint::Binder& block, const HunyuanDitPlainConfig& config);
  /// x = norm(linear(concat(skip, x))); both [R, H].
  void apply(Context& ctx, const Tensor& skip, const Tensor& x) const;
};

struct PlainSelfAttention {
  std::int64_t heads = 0;
  nn::Linear qkv;  ///< H -> 3 H, [head][q|k|v][d]
  nn::RmsHeadNorm norm;
  nn::Linear out;  ///< H -> H

  PlainSelfAttention(const checkpoint::Binder& binder, const HunyuanDitPlainConfig& config);
  /// residual += attention(x) within each of `branches` equal parts of the rows.
  void add_to(Context& ctx, const Tensor& residual, const Tensor& x, std::int64_t branches) const;
};

struct PlainCrossAttention {
  std::int64_t heads = 0;
  nn::Linear q;   ///< H -> H, [head][d]
  nn::Linear kv;  ///< context_width -> 2 H, [head][k|v][d]
  nn::RmsHeadNorm norm;
  nn::Linear out;   ///< H -> H
  Tensor out_bias;  ///< [H], the bias of `out`

  PlainCrossAttention(const checkpoint::Binder& binder, const HunyuanDitPlainConfig& config);
  /// condition [T, context_width].
  ops::PackedKeyValues keys_values(Context& ctx, const Tensor& condition) const;
  /// residual += attention(x, context), rows of one branch. Keys and values have no bias: to a
  /// context of zeros they are zero, attention gives zero, and what remains is out_bias.
  void add_to(Context& ctx,
              const Tensor& residual,
              const Tensor& x,
              const ops::PackedKeyValues& context) const;
};

struct PlainBlock {
  std::optional<PlainSkip> skip;  ///< blocks above the middle
  nn::LayerNorm norm1, norm2, norm3;
  PlainSelfAttention attn1;
  PlainCrossAttention attn2;
  std::optional<nn::Mlp> mlp;               ///< either this
  std::optional<nn::MixtureOfExperts> moe;  ///< or this

  PlainBlock(const checkpoint::Binder& block,
             const HunyuanDitPlainConfig& config,
             std::int64_t layer);

  /// x [R, H], in place; skip_value [R, H], undefined where the block has no skip.
  void forward(Context& ctx,
               const Tensor& x,
               const PlainContext& context,
               const Tensor& skip_value) const;
};

}  // namespace sinter::models
