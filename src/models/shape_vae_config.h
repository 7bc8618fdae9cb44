#pragma once
// Sizes of the shape autoencoder.

#include <cstdint>

#include "checkpoint/config.h"
#include "nn/transformer.h"
#include "ops/embedding.h"

namespace sinter::models {

/// `vae.params` of a bundle's config.yaml, or `params` of a stand-alone VAE's. The first five have
/// to be there; of the others the defaults are upstream's class defaults.
struct ShapeVaeConfig {
  std::int64_t num_latents = 0;     ///< L: latent tokens of a shape
  std::int64_t embed_dim = 0;       ///< E: channels of a latent token
  std::int64_t width = 0;           ///< W: channels inside the transformers
  std::int64_t heads = 0;           ///< W / heads is 64
  std::int64_t decoder_layers = 0;  ///< key num_decoder_layers
  std::int64_t encoder_layers = 8;  ///< key num_encoder_layers
  int num_freqs = 8;                ///< octaves of the Fourier embedding of points
  bool include_pi = true;           ///< frequencies times pi; false in every released model
  bool qkv_bias = true;             ///< bias of the fused projections
  bool qk_norm = false;             ///< LayerNorm of queries and keys
  double scale_factor = 1.0;        ///< sampled latents are scale_factor * the VAE's latents
  std::int64_t geo_downsample = 1;  ///< key geo_decoder_downsample_ratio: W / G
  std::int64_t geo_mlp_ratio = 4;   ///< key geo_decoder_mlp_expand_ratio
  bool geo_ln_post = true;          ///< key geo_decoder_ln_post; false turns qk_norm off there
  std::int64_t point_feats = 3;     ///< encoder: channels of a surface point behind x, y, z
  std::int64_t pc_size = 5120;      ///< encoder: uniform surface points
  std::int64_t pc_sharpedge_size = 5120;  ///< encoder: surface points on sharp edges
  double downsample_ratio = 20.0;         ///< encoder: surface points kept for each latent token
  bool use_ln_post = true;                ///< encoder: LayerNorm behind its transformer

  /// Channels of an embedded point.
  std::int64_t fourier_channels() const;
  ops::FourierOptions fourier() const { return {.num_freqs = num_freqs, .include_pi = include_pi}; }
  /// Blocks of the transformers.
  nn::BlockOptions block() const;
  /// The cross-attention block of the geometry decoder; its width is G.
  nn::BlockOptions geo_block() const;

  /// From a section {target, params}. Raises ErrorCode::unsupported for another network,
  /// ErrorCode::corrupt naming the key for bad sizes.
  static ShapeVaeConfig from(const checkpoint::ConfigNode& vae);
};

}  // namespace sinter::models
