#pragma once
// The two pre-norm transformer blocks of the ShapeVAE family.
//
// Upstream: hy3dgen/shapegen/models/autoencoders/attention_blocks.py. Fused projections are
// interleaved head by head: head h of c_qkv owns d query, d key and d value channels in a row; head
// h of c_kv owns d key and d value channels. Norms of queries and keys are LayerNorms over d.

#include <cstdint>
#include <span>

#include "checkpoint/binder.h"
#include "nn/head_norm.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/mlp.h"
#include "ops/attention.h"

namespace sinter::nn {

/// What the blocks of one network have in common.
struct BlockOptions {
  std::int64_t width = 0;      ///< channels of a token
  std::int64_t heads = 0;      ///< divides width
  std::int64_t mlp_ratio = 4;  ///< inner width of the MLP / width
  bool qkv_bias = false;       ///< bias of c_qkv, c_q and c_kv; c_proj always has one
  bool qk_norm = true;         ///< LayerNorm of queries and keys
  float norm_eps = 1e-6F;

  std::int64_t head_dim() const { return width / heads; }
};

/// x += attn(ln_1 x); x += mlp(ln_2 x).
struct SelfAttentionBlock {
  BlockOptions options;
  LayerNorm ln_1, ln_2;
  Linear qkv;   ///< W -> 3 W, [head][q|k|v][d]
  Linear proj;  ///< W -> W
  LayerHeadNorm norm;
  Mlp mlp;

  SelfAttentionBlock(const checkpoint::Binder& binder, const BlockOptions& block);

  /// x [N, W], in place.
  void forward(Context& ctx, const Tensor& x) const;
};

/// Rows that attend to the same memory.
struct MemoryGroup {
  std::int64_t rows = 0;
  const ops::PackedKeyValues* memory = nullptr;  ///< of CrossAttentionBlock::keys_values()
};

/// x += attn(ln_1 x, ln_2 memory); x += mlp(ln_3 x). The memory side does not depend on x and is
/// computed once by keys_values().
struct CrossAttentionBlock {
  BlockOptions options;
  LayerNorm ln_1, ln_2, ln_3;
  Linear q;     ///< W -> W, [head][d]
  Linear kv;    ///< W -> 2 W, [head][k|v][d]
  Linear proj;  ///< W -> W
  LayerHeadNorm norm;
  Mlp mlp;

  CrossAttentionBlock(const checkpoint::Binder& binder, const BlockOptions& block);

  /// memory [M, W] -> M keys, normed where qk_norm is set, and values.
  ops::PackedKeyValues keys_values(Context& ctx, const Tensor& memory) const;
  /// x [N, W] -> its queries [N, heads, d] as one row a token, normed where qk_norm is set.
  Tensor queries(Context& ctx, const Tensor& x) const;
  /// x [N, W], in place; `memory` from keys_values().
  void forward(Context& ctx, const Tensor& x, const ops::PackedKeyValues& memory) const;
  /// The same where rows of x differ in what they attend to: the groups lie one behind the other
  /// and are all of x.
  void forward(Context& ctx, const Tensor& x, std::span<const MemoryGroup> groups) const;
};

}  // namespace sinter::nn
