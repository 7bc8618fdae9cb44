#pragma once
// The 2.1 shape transformer (HunYuanDiTPlain): a U of blocks with long skips, the time as a token
// in front of the latent tokens, the condition by cross-attention, the last feed-forward branches
// mixtures of experts. No positional encoding anywhere.
//
// Upstream: hy3dshape/models/denoisers/hunyuandit.py. Activations have the context's type, latents
// and velocity are f32.
//
// Exact shortcuts, not approximations:
//  * in the unconditional half of guidance cross-attention gives the bias of its output projection
//    (Switches::skip_zero_context; see PlainCrossAttention);
//  * keys and values of the condition, and the time tokens, do not depend on the latents and are
//    computed once for all steps.

#include <span>
#include <vector>

#include "models/hunyuan_dit_plain_blocks.h"
#include "models/shape_denoiser.h"

namespace sinter::models {

class HunyuanDitPlain : public ShapeDenoiser {
 public:
  /// Binds every tensor below the binder's prefix ("model" in a bundle). The weights live in the
  /// network and in the binder's store.
  HunyuanDitPlain(const checkpoint::Binder& binder, const HunyuanDitPlainConfig& config);

  const HunyuanDitPlainConfig& config() const { return config_; }

  Denoise begin(Context& ctx, const DenoiserRun& run) const override;
  bool recordable(const Context& ctx) const override;

 private:
  class Steps;

  /// times -> [steps, H].
  Tensor embed_times(Context& ctx, std::span<const float> times) const;
  /// The condition of every branch, in every block.
  std::vector<PlainContext> read_condition(Context& ctx, const DenoiserRun& run) const;

  HunyuanDitPlainConfig config_;
  nn::Linear x_embedder_;
  nn::Mlp t_embedder_;
  std::vector<PlainBlock> blocks_;
  nn::LayerNorm norm_final_;
  nn::Linear linear_;
};

}  // namespace sinter::models
