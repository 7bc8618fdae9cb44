#pragma once
// Sizes of the 2.0 shape transformer.

#include <cstdint>

#include "checkpoint/config.h"

namespace sinter::models {

/// `model.params` of a bundle's config.yaml; the defaults are those of the released base model.
struct Hunyuan3DDitConfig {
  std::int64_t in_channels = 64;      ///< C: channels of a latent token, and of the velocity
  std::int64_t context_width = 1536;  ///< key context_in_dim: channels of a condition token
  std::int64_t width = 1024;          ///< H, key hidden_size
  std::int64_t inner = 4096;          ///< channels inside an MLP: floor(hidden_size * mlp_ratio)
  std::int64_t heads = 16;            ///< key num_heads; H / heads is 64
  std::int64_t double_blocks = 16;    ///< key depth: blocks with two streams
  std::int64_t single_blocks = 32;    ///< key depth_single_blocks: blocks with one stream
  bool qkv_bias = true;               ///< of the double blocks alone; single blocks always have one
  bool guidance_embed = false;        ///< distilled models: the guidance scale is an input
  float time_factor = 1000.0F;        ///< period of the time embedding (see time_embedding())

  /// Outputs that the blocks add: attention and MLP in double blocks, both together in single ones.
  std::int64_t modules() const { return 2 * double_blocks + single_blocks; }
  std::int64_t head_dim() const { return width / heads; }

  /// From the `model` section {target, params}. Keys that upstream ignores are ignored. Raises
  /// ErrorCode::unsupported for another network, ErrorCode::corrupt naming the key for bad sizes.
  static Hunyuan3DDitConfig from(const checkpoint::ConfigNode& model);
};

}  // namespace sinter::models
