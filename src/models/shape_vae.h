#pragma once
// The decoding half of the shape autoencoder: latent tokens to decoded tokens, and from those the
// field at any point.
//
// Upstream: hy3dgen/shapegen/models/autoencoders/model.py (ShapeVAE). Values are f32.

#include <span>
#include <vector>

#include "models/geometry_decoder.h"
#include "models/shape_vae_config.h"

namespace sinter::models {

class ShapeVae {
 public:
  /// Binds below the binder's prefix ("vae" in a bundle, empty in a stand-alone file). Tensors of
  /// the encoder ("encoder", "pre_kl") are not touched.
  ShapeVae(const checkpoint::Binder& binder, const ShapeVaeConfig& config);

  const ShapeVaeConfig& config() const { return config_; }

  /// Sampled latents [L, E] -> tokens [L, W] in the context's arena. Divides by scale_factor, any
  /// L.
  Tensor decode(Context& ctx, const Tensor& latents) const;

  /// tokens of decode() -> what query() needs of this shape.
  GeometryMemory remember(Context& ctx, const Tensor& tokens) const {
    return geo_decoder_.remember(ctx, tokens);
  }

  /// See GeometryDecoder::query.
  void query(Context& ctx,
             const GeometryMemory& memory,
             const Tensor& points,
             const Tensor& logits) const {
    geo_decoder_.query(ctx, memory, points, logits);
  }

  /// See GeometryDecoder::query_groups.
  void query_groups(Context& ctx,
                    const GeometryMemory& memory,
                    std::span<const QueryGroup> groups,
                    KeyRule rule) const {
    geo_decoder_.query_groups(ctx, memory, groups, rule);
  }

 private:
  ShapeVaeConfig config_;
  nn::Linear post_kl_;  // E -> W
  std::vector<nn::SelfAttentionBlock> blocks_;
  GeometryDecoder geo_decoder_;
};

}  // namespace sinter::models
