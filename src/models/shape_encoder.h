#pragma once
// The encoding half of the shape autoencoder: surface points to the distribution of the latents.
//
// Zhang et al.: "3DShape2VecSet", 2023; Zhao et al.: "Hunyuan3D 2.0", 2025. Upstream:
// hy3dgen/shapegen/models/autoencoders/attention_blocks.py (PointCrossAttentionEncoder).

#include <cstdint>
#include <optional>
#include <vector>

#include "models/shape_vae_config.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"

namespace sinter::models {

/// Which rows of a surface sample the encoder looks at.
struct SurfaceSelection {
  std::vector<std::int64_t> data;     ///< rows kept as keys and values: uniform, then sharp
  std::vector<std::int64_t> queries;  ///< rows among them that become latent tokens, L of them
};

/// surface f32 [pc_size + pc_sharpedge_size, 3 + point_feats], uniform rows first. Of each set a
/// random subset is kept (downsample_ratio rows a token, all where there are fewer), and
/// farthest-point sampling from a random start picks its queries. The uniform set gets
/// ceil(L pc_size / (pc_size + pc_sharpedge_size)) queries, the sharp set the rest. `seed` decides
/// the draws; the same seed gives the same selection on every machine.
SurfaceSelection select_surface(Context& ctx,
                                const ShapeVaeConfig& config,
                                const Tensor& surface,
                                std::uint64_t seed);

/// Diagonal normal distribution of the VAE's latents; times scale_factor they are what the sampler
/// works on.
struct Posterior {
  Tensor mean;          ///< [L, E]
  Tensor log_variance;  ///< [L, E], clamped to [-30, 20]
};

class ShapeEncoder {
 public:
  /// Binds "encoder" and "pre_kl" below the binder's prefix ("vae" in a bundle).
  ShapeEncoder(const checkpoint::Binder& binder, const ShapeVaeConfig& config);

  const ShapeVaeConfig& config() const { return config_; }

  /// The result lives in the context's arena.
  Posterior forward(Context& ctx, const Tensor& surface, const SurfaceSelection& selection) const;

 private:
  /// Rows of the surface, embedded and projected: [rows, W].
  Tensor project(Context& ctx, const Tensor& surface, const std::vector<std::int64_t>& rows) const;

  ShapeVaeConfig config_;
  nn::Linear input_proj_;
  nn::CrossAttentionBlock cross_attn_;
  std::vector<nn::SelfAttentionBlock> blocks_;
  std::optional<nn::LayerNorm> ln_post_;
  nn::Linear pre_kl_;  // W -> 2 E: mean, log variance
};

}  // namespace sinter::models
