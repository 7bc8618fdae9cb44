#pragma once
// The geometry decoder: value of the shape's field at any point of space, by one cross-attention
// block from the point to the decoded latent tokens.
//
// Zhang et al.: "3DShape2VecSet: a 3D shape representation for neural fields and generative
// diffusion models", 2023. Upstream: hy3dgen/shapegen/models/autoencoders/attention_blocks.py
// (CrossAttentionDecoder).

#include <optional>

#include "models/shape_vae_config.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"

namespace sinter::models {

/// Everything about one shape that does not depend on the query point. Owns its memory, independent
/// of any arena. Move only.
struct GeometryMemory {
  ops::PackedKeyValues keys_values;  ///< of its L latent tokens, keys normed
};

class GeometryDecoder {
 public:
  /// Binds below the binder's prefix ("vae.geo_decoder" in a bundle).
  GeometryDecoder(const checkpoint::Binder& binder, const ShapeVaeConfig& config);

  /// tokens [L, W] of ShapeVae::decode().
  GeometryMemory remember(Context& ctx, const Tensor& tokens) const;

  /// points f32 [P, 3], inside [-1.01, 1.01] -> logits f32 [P]: positive inside the shape, negative
  /// outside. Any P; points are worked on in blocks of fixed size, one block a thread, so that
  /// activations stay in the cache and the arena does not grow with P. A point's logit depends
  /// neither on P nor on the other points. Raises ErrorCode::cancelled between blocks.
  void query(Context& ctx,
             const GeometryMemory& memory,
             const Tensor& points,
             const Tensor& logits) const;

 private:
  void query_block(Context& ctx,
                   const GeometryMemory& memory,
                   const Tensor& points,
                   const Tensor& logits) const;

  ops::FourierOptions fourier_;
  nn::Linear query_proj_;
  std::optional<nn::Linear> latents_proj_;  // W -> G, where G is not W
  nn::CrossAttentionBlock block_;
  std::optional<nn::LayerNorm> ln_post_;
  nn::Linear output_proj_;
};

}  // namespace sinter::models
