#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "ops/elementwise.h"
#include "ops/transfer.h"

namespace sinter::sampling {

namespace {

/// A velocity that is not finite leaves its mark: no later sum is finite again.
void check_finite(Context& ctx, int step, const Tensor& latents) {
  ArenaScope scope(ctx.host().arena());
  const std::span<const float> values = ops::to_host(ctx, latents).span();
  SINTER_CHECK(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }),
               ErrorCode::corrupt,
               "[sample_euler] step ",
               step,
               ": expected finite values from the network, got NaN or infinity (model weights)");
}

/// f32 [steps, 1], in the context's arena.
Tensor step_sizes(Context& ctx, const Schedule& schedule) {
  const Tensor sizes = ctx.host().allocate(DType::f32, {schedule.steps(), 1}, "step sizes");
  for (int i = 0; i < schedule.steps(); ++i) sizes.f32_mut()[i] = schedule.delta(i);
  return ops::to_device(ctx, sizes, DType::f32);
}

}  // namespace

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
  ArenaScope scope(ctx.arena()), host_scope(ctx.host().arena());
  const Tensor sizes = step_sizes(ctx, schedule);
  const auto take_step = [&](const ops::Step& step) {
    ArenaScope step_scope(ctx.arena());
    const Shape shape{options.guided ? 2 : 1, latents.dim(0), latents.dim(1)};
    const Tensor halves = ctx.allocate(DType::f32, shape, "velocity");
    velocity(ctx, step, latents, halves);
    const Tensor v = halves.slice(shape[0] - 1, shape[0]).reshape(latents.shape);
    if (options.guided) {
      ops::guide_in_place(ctx, v, halves.slice(0, 1).reshape(latents.shape), options.guidance);
    }
    ops::add_scaled_in_place(ctx, latents, ops::select_row(ctx, sizes, step), v);
    ops::advance(ctx, step);
  };

  Accelerator* const device = ctx.accelerator().get();
  const int total = schedule.steps();
  const bool record = device != nullptr && options.recordable && total > 1;
  const Tensor number = record ? ops::step_number(ctx) : Tensor{};
  std::unique_ptr<Recording> recording;
  for (int step = 0; step < total; ++step) {
    ctx.check_cancelled();
    recording ? recording->replay() : take_step({step, number});
    // The device is busy with the first step while the host records.
    if (record && !recording) recording = device->record([&] { take_step({step, number}); });
    // Waiting for a device's values in every step would leave it idle between them.
    if (device == nullptr || step + 1 == total) check_finite(ctx, step, latents);
    if (device != nullptr) device->pace();
    if (progress) progress(step + 1, total);
  }
}

}  // namespace sinter::sampling
