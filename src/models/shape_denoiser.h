#pragma once
// What the pipeline sees of a shape transformer: the velocity of a rectified flow over latent
// tokens, given the tokens of a picture. Which transformer it is, and what it computes once for all
// steps, stays inside.

#include <memory>
#include <span>
#include <utility>

#include "core/context.h"
#include "core/error.h"
#include "core/tensor.h"
#include "ops/step_network.h"

namespace sinter::models {

/// What the steps of one run have in common.
struct DenoiserRun {
  Tensor condition;              ///< [T, context width], an activation: the tokens of the picture
  std::span<const float> times;  ///< flow time of each step, 0 noise, 1 data
  float guidance = 0.0F;         ///< read by models with a guidance embedder alone
  bool guided = true;            ///< adds the unconditional branch, whose context is zero
};

/// The steps of one run.
class Denoise {
 public:
  explicit Denoise(std::shared_ptr<ops::StepNetwork> parts) : parts_(std::move(parts)) {}

  /// Velocity (data - noise) at step `step`: latents f32 [L, C] -> velocity f32 [branches, L, C],
  /// the conditional branch first. Raises ErrorCode::invalid_argument for other shapes,
  /// ErrorCode::cancelled between blocks.
  void operator()(Context& ctx,
                  const ops::Step& step,
                  const Tensor& latents,
                  const Tensor& velocity) const {
    SINTER_CHECK(latents.shape.rank() == 2,
                 ErrorCode::invalid_argument,
                 "[dit] latents: expected [tokens, channels], got ",
                 latents.shape);
    ArenaScope scope(ctx.arena());
    parts_->prepare(ctx, latents.dim(0));
    parts_->embed(ctx, step, latents);
    parts_->run_blocks(ctx, step, 0, parts_->blocks());
    parts_->head(ctx, step, velocity);
  }
  const std::shared_ptr<ops::StepNetwork>& parts() const { return parts_; }

 private:
  std::shared_ptr<ops::StepNetwork> parts_;
};

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
