#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>

#include "ops/elementwise.h"
#include "ops/transfer.h"

namespace sinter::sampling {

namespace {

void check_finite(Context& ctx, int step, const Tensor& x) {
  ArenaScope scope(ctx.host().arena());
  const std::span<const float> values = ops::to_host(ctx, x).span();
  SINTER_CHECK(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }),
               ErrorCode::corrupt,
               "[sample_euler] step ",
               step,
               ": expected finite values from the network, got NaN or infinity (model weights)");
}

}  // namespace

int evaluated_steps(const Schedule& schedule, const Switches& switches) {
  int count = 0;
  for (int i = 0; i < schedule.steps(); ++i) {
    count += !switches.elide_zero_steps || schedule.delta(i) != 0.0F;
  }
  return count;
}

void sample_euler(Context& ctx,
                  const Schedule& schedule,
                  const SamplerOptions& options,
                  const Tensor& latents,
                  const VelocityFn& velocity,
                  const ProgressFn& progress) {
  SINTER_CHECK(latents.shape.rank() == 2,
               ErrorCode::invalid_argument,
               "[sample_euler] latents: expected [tokens, channels], got ",
               latents.shape);
  const int total = evaluated_steps(schedule, ctx.switches);
  int done = 0;
  for (int step = 0; step < schedule.steps(); ++step) {
    if (schedule.delta(step) == 0.0F && ctx.switches.elide_zero_steps) continue;
    ctx.check_cancelled();
    ArenaScope scope(ctx.arena());
    const Shape shape{options.guided ? 2 : 1, latents.dim(0), latents.dim(1)};
    const Tensor halves = ctx.allocate(DType::f32, shape, "velocity");
    velocity(ctx, step, latents, halves);
    const Tensor v = halves.slice(shape[0] - 1, shape[0]).reshape(latents.shape);
    if (options.guided) {
      ops::guide_in_place(ctx, v, halves.slice(0, 1).reshape(latents.shape), options.guidance);
    }
    // Waiting for a device's values in every step would leave it idle between them.
    if (ctx.device() == Device::cpu || done + 1 == total) check_finite(ctx, step, v);
    ops::add_scaled_in_place(ctx, latents, schedule.delta(step), v);
    if (ctx.accelerator()) ctx.accelerator()->pace();
    ++done;
    if (progress) progress(done, total);
  }
}

}  // namespace sinter::sampling
