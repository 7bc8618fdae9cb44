#pragma once
// The 2.0 shape transformer (Hunyuan3DDiT): velocity of a rectified flow over a set of latent
// tokens, given condition tokens. No positional encoding anywhere.
//
// Upstream: hy3dgen/shapegen/models/denoisers/hunyuan3ddit.py. Latents and velocities are f32, what
// is between them of the context's type.
//
// Three exact shortcuts, not approximations:
//  * the unconditional half of guidance sees T equal condition tokens (cond_in of zeros) that stay
//    equal through every block, because nothing tells them apart; one token whose key logit is
//    raised by ln(T) stands for them all (Switches::collapse_unconditional);
//  * modulations depend on the time and the guidance scale alone, so they are products over all
//    steps, evaluated once (Switches::modulation_table);
//  * cond_in is evaluated once for all steps, latent_in once for both halves.

#include <span>
#include <vector>

#include "models/hunyuan3d_dit_blocks.h"
#include "models/shape_denoiser.h"

namespace sinter::models {

/// The condition of all branches of a step, projected: input to every step of one run.
struct DitCondition {
  std::vector<DitBranch> branches;  ///< conditional first; with guidance the unconditional second
  Tensor tokens;                    ///< [sum of the branches' condition tokens, H]
};

/// What the modulations depend on, and they themselves for all steps of one run; no table where
/// Switches::modulation_table is off and every step computes its own.
struct DitModulation {
  std::vector<float> times;  ///< flow time of each step, 0 noise, 1 data
  float guidance = 0.0F;     ///< input of the guidance embedder
  Tensor table;              ///< [steps, vectors H]: those of one layer after the other
};

class Hunyuan3DDit : public ShapeDenoiser {
 public:
  /// Binds every tensor below the binder's prefix ("model" in a bundle). The weights live in the
  /// binder's store.
  Hunyuan3DDit(const checkpoint::Binder& binder, const Hunyuan3DDitConfig& config);

  const Hunyuan3DDitConfig& config() const { return config_; }

  Denoise begin(Context& ctx, const DenoiserRun& run) const override;
  bool recordable(const Context& ctx) const override;

 private:
  class Steps;

  /// Two linear layers with SiLU between them, on the sinusoidal embedding.
  struct Embedder {
    nn::Linear in, out;
  };
  Tensor embed(Context& ctx, const Embedder& embedder, std::span<const float> values) const;
  /// tokens [T, context_width]; `guided` adds the unconditional branch.
  DitCondition condition(Context& ctx, const Tensor& tokens, bool guided) const;
  DitModulation modulation(Context& ctx, std::span<const float> times, float guidance) const;
  /// [times, vectors H].
  Tensor modulation_table(Context& ctx, std::span<const float> times, float guidance) const;
  /// Of layer `layer`: double blocks first, then single blocks, then the final layer.
  const nn::Linear& first_product(std::size_t layer) const;

  Hunyuan3DDitConfig config_;
  nn::Linear latent_in_;
  nn::Linear cond_in_;
  Embedder time_in_;
  Embedder guidance_in_;  // bound with guidance_embed only
  std::vector<DitDoubleBlock> double_blocks_;
  std::vector<DitSingleBlock> single_blocks_;
  DitFinalLayer final_layer_;
};

}  // namespace sinter::models
