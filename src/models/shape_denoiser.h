#pragma once
// What the pipeline sees of a shape transformer: the velocity of a rectified flow over latent
// tokens, given the tokens of a picture. Which transformer it is, and what it computes once for all
// steps, stays inside.

#include <functional>
#include <span>

#include "core/context.h"
#include "core/tensor.h"
#include "ops/step.h"

namespace sinter::models {

/// What the steps of one run have in common.
struct DenoiserRun {
  Tensor condition;              ///< [T, context width], an activation: the tokens of the picture
  std::span<const float> times;  ///< flow time of each step, 0 noise, 1 data
  float guidance = 0.0F;         ///< read by models with a guidance embedder alone
  bool guided = true;            ///< adds the unconditional branch, whose context is zero
};

/// Velocity (data - noise) at step `step` of a run: latents f32 [L, C] -> velocity f32
/// [branches, L, C], the conditional branch first. Raises ErrorCode::invalid_argument for other
/// shapes, ErrorCode::cancelled between blocks.
using Denoise = std::function<void(
    Context& ctx, const ops::Step& step, const Tensor& latents, const Tensor& velocity)>;

class ShapeDenoiser {
 public:
  virtual ~ShapeDenoiser() = default;

  /// Computes what the steps share, into the context's arena. The result reads that and this
  /// network, and must outlive neither.
  virtual Denoise begin(Context& ctx, const DenoiserRun& run) const = 0;

  /// Whether a step may be recorded on a device: see sampling::SamplerOptions::recordable.
  virtual bool recordable(const Context& ctx) const = 0;
};

}  // namespace sinter::models
