#pragma once
// The sampling loop: explicit Euler on the velocity field, with classifier-free guidance.
//
// Ho, Salimans: "Classifier-free diffusion guidance", 2022. Liu, Gong, Liu: "Flow straight and
// fast: learning to generate and transfer data with rectified flow", 2023. Upstream:
// hy3dgen/shapegen/pipelines.py; its fp16 rounding of the update is not followed, all is fp32.

#include <functional>

#include "core/context.h"
#include "ops/step.h"
#include "sampling/schedule.h"

namespace sinter::sampling {

struct SamplerOptions {
  /// Guidance scale g of v = v_unconditional + g (v_conditional - v_unconditional), used where
  /// `guided` is set.
  float guidance = 5.0F;
  /// True: the velocity has two halves, conditional first, to be combined. False: it has one.
  bool guided = true;
  /// The velocity may be recorded once and replayed: it queues the same work for every step, finds
  /// what depends on the step by ops::Step::device, uploads nothing and waits for nothing.
  bool recordable = false;
};

/// Evaluates the network at step `step` (an index into Schedule::times()): latents f32 [L, C] to
/// velocity f32 [2, L, C] (guided) or [1, L, C].
using VelocityFn = std::function<void(
    Context& ctx, const ops::Step& step, const Tensor& latents, const Tensor& velocity)>;

/// Called after each step with the number done (on a device: queued) and the number there will be.
using ProgressFn = std::function<void(int done, int total)>;

/// Integrates `latents` (f32 [L, C]) in place from noise to data: x += (sigma_{i+1} - sigma_i) v.
/// On a device the first step is queued, recorded, and the others are replays of it: between the
/// first step and the last the host hands over no value and waits for none. Raises
/// ErrorCode::cancelled between steps, ErrorCode::corrupt where the network returned a value that
/// is not finite (its weights cannot be sound).
void sample_euler(Context& ctx,
                  const Schedule& schedule,
                  const SamplerOptions& options,
                  const Tensor& latents,
                  const VelocityFn& velocity,
                  const ProgressFn& progress = {});

}  // namespace sinter::sampling
