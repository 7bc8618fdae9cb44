#pragma once
// Sizes of the image backbone.

#include <cstdint>

#include "checkpoint/config.h"

namespace sinter::models {

/// `config` of the image encoder in a bundle's config.yaml; the defaults are those of the
/// transformers library's Dinov2Config.
struct Dinov2Config {
  std::int64_t width = 768;       ///< W, key hidden_size
  std::int64_t layers = 12;       ///< key num_hidden_layers
  std::int64_t heads = 12;        ///< key num_attention_heads; W / heads is 64
  std::int64_t image_size = 224;  ///< side of the pictures that the position table was made for
  std::int64_t patch_size = 14;   ///< side of a patch, divides image_size
  std::int64_t channels = 3;      ///< key num_channels
  std::int64_t mlp_ratio = 4;     ///< inner width of the MLP / W, before the SwiGLU reduction
  bool qkv_bias = true;           ///< bias of query, key and value
  bool swiglu = false;     ///< key use_swiglu_ffn: gated FFN (giant) instead of an MLP (large)
  float norm_eps = 1e-6F;  ///< key layer_norm_eps, of every LayerNorm

  std::int64_t head_dim() const { return width / heads; }
  /// Patches along one side of the position table.
  std::int64_t grid() const { return image_size / patch_size; }
  /// Channels inside the FFN: W mlp_ratio, or 2/3 of it rounded up to a multiple of 8 for SwiGLU.
  std::int64_t inner() const;

  /// From the backbone's mapping. Raises ErrorCode::unsupported for another backbone or activation,
  /// ErrorCode::corrupt naming the key for bad sizes.
  static Dinov2Config from(const checkpoint::ConfigNode& backbone);
};

}  // namespace sinter::models
