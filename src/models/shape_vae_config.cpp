#include "models/shape_vae_config.h"

#include "models/config_reader.h"

namespace sinter::models {

std::int64_t ShapeVaeConfig::fourier_channels() const {
  return ops::fourier_channels(fourier());
}

nn::BlockOptions ShapeVaeConfig::block() const {
  return {.width = width, .heads = heads, .mlp_ratio = 4, .qkv_bias = qkv_bias, .qk_norm = qk_norm};
}

nn::BlockOptions ShapeVaeConfig::geo_block() const {
  return {.width = width / geo_downsample,
          .heads = heads / geo_downsample,
          .mlp_ratio = geo_mlp_ratio,
          .qkv_bias = qkv_bias,
          .qk_norm = qk_norm && geo_ln_post};
}

ShapeVaeConfig ShapeVaeConfig::from(const checkpoint::ConfigNode& vae) {
  check_target(vae, "ShapeVAE");
  const checkpoint::ConfigNode params = vae.child("params");
  ShapeVaeConfig c;
  for (const char* key : {"num_latents", "embed_dim", "width", "heads", "num_decoder_layers"}) {
    params.required<std::int64_t>(key);
  }
  c.num_latents = read_integer(params, "num_latents", 0, {1, kMaxTokens});
  c.embed_dim = read_integer(params, "embed_dim", c.embed_dim, {1, kMaxWidth});
  c.width = read_integer(params, "width", c.width, {1, kMaxWidth});
  c.heads = read_integer(params, "heads", c.heads, {1, kMaxWidth / kHeadDim});
  check_heads(params, "width", c.width, c.heads);
  c.decoder_layers = read_integer(params, "num_decoder_layers", c.decoder_layers, {0, kMaxDepth});
  c.encoder_layers = read_integer(params, "num_encoder_layers", c.encoder_layers, {0, kMaxDepth});
  c.num_freqs = static_cast<int>(read_integer(params, "num_freqs", c.num_freqs, {1, 12}));
  c.include_pi = params.get("include_pi", c.include_pi);
  c.qkv_bias = params.get("qkv_bias", c.qkv_bias);
  c.qk_norm = params.get("qk_norm", c.qk_norm);
  c.scale_factor = read_positive(params, "scale_factor", c.scale_factor, 1e6);
  c.geo_downsample =
      read_integer(params, "geo_decoder_downsample_ratio", c.geo_downsample, {1, c.heads});
  if (c.heads % c.geo_downsample != 0) {
    params.fail_at("geo_decoder_downsample_ratio",
                   cat("expected a divisor of ", c.heads, " heads, found ", c.geo_downsample));
  }
  c.geo_mlp_ratio = read_integer(params, "geo_decoder_mlp_expand_ratio", c.geo_mlp_ratio, {1, 16});
  c.geo_ln_post = params.get("geo_decoder_ln_post", c.geo_ln_post);
  c.point_feats = read_integer(params, "point_feats", c.point_feats, {0, 64});
  c.pc_size = read_integer(params, "pc_size", c.pc_size, {1, kMaxTokens});
  c.pc_sharpedge_size =
      read_integer(params, "pc_sharpedge_size", c.pc_sharpedge_size, {0, kMaxTokens});
  c.downsample_ratio = read_positive(params, "downsample_ratio", c.downsample_ratio, 1e4);
  c.use_ln_post = params.get("use_ln_post", c.use_ln_post);
  return c;
}

}  // namespace sinter::models
