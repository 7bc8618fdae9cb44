#pragma once
// Sizes of the 2.1 shape transformer.

#include <cstdint>

#include "checkpoint/config.h"

namespace sinter::models {

/// `model.params` of a 2.1 bundle's config.yaml; the defaults are those of the released model.
struct HunyuanDitPlainConfig {
  std::int64_t in_channels = 64;      ///< C: channels of a latent token, and of the velocity
  std::int64_t context_width = 1024;  ///< key context_dim: channels of a condition token
  std::int64_t width = 2048;          ///< H, key hidden_size
  std::int64_t heads = 16;            ///< key num_heads
  std::int64_t depth = 21;            ///< blocks; those above the middle take a skip connection
  std::int64_t moe_layers = 6;        ///< key num_moe_layers: the last blocks, mixtures of experts
  std::int64_t experts = 8;           ///< key num_experts: of a mixture, without the shared one
  int top_k = 2;                      ///< key moe_top_k: experts that a token is sent to

  std::int64_t head_dim() const { return width / heads; }
  /// Channels inside an MLP or an expert. Upstream takes 4 whatever mlp_ratio says.
  std::int64_t inner() const { return 4 * width; }
  /// The block whose output block `layer` takes beside its input, or -1 for none. Last in, first
  /// out: with 21 blocks 11 takes that of 9, 12 that of 8, ..., 20 that of 0.
  std::int64_t skip_source(std::int64_t layer) const {
    const std::int64_t middle = depth / 2;
    return layer > middle ? 2 * middle - layer : -1;
  }
  /// Whether the feed-forward branch of a block is a mixture of experts.
  bool is_mixture(std::int64_t layer) const { return depth - layer <= moe_layers; }

  /// From the `model` section {target, params}; absent keys take upstream's class defaults. Keys
  /// that upstream ignores are ignored. Raises ErrorCode::unsupported, naming the key, for another
  /// network or a part that no released model has (pooled or additional contexts, position tables,
  /// biased or unnormalised queries), ErrorCode::corrupt for bad sizes.
  static HunyuanDitPlainConfig from(const checkpoint::ConfigNode& model);
};

}  // namespace sinter::models
