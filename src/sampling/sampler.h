#pragma once
// The sampling loop: explicit steps along the velocity field, with classifier-free guidance, and
// what stands in for evaluations that are left out.
//
// Ho, Salimans: "Classifier-free diffusion guidance", 2022. Liu, Gong, Liu: "Flow straight and
// fast: learning to generate and transfer data with rectified flow", 2023. Upstream:
// hy3dgen/shapegen/pipelines.py; its fp16 rounding of the update is not followed, all is fp32.
// Methods that leave evaluations out: sampling/cache_config.h.

#include <concepts>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "core/context.h"
#include "ops/step_network.h"
#include "sampling/cache_plan.h"
#include "sampling/schedule.h"

namespace sinter::sampling {

enum class Solver : std::uint8_t {
  euler,  ///< x += d v
  ab2,    ///< Adams-Bashforth of two steps: second order, one evaluation a step
};

/// "euler" or "ab2".
const char* to_string(Solver solver);

struct SamplerOptions {
  /// Guidance scale g of v = v_unconditional + g (v_conditional - v_unconditional), used where
  /// `guided` is set.
  float guidance = 5.0F;
  /// True: the velocity has two halves, conditional first, to be combined. False: it has one.
  bool guided = true;
  /// The velocity may be recorded once and replayed: it queues the same work for every step, finds
  /// what depends on the step by ops::Step::device, uploads nothing and waits for nothing.
  bool recordable = false;
  Solver solver = Solver::euler;
  CacheConfig cache = {};
  /// The kind of each step of the schedule, which holds no elided ones; empty: all are computed.
  std::vector<StepKind> plan = {};
};

/// Evaluates the network at step `step` (an index into Schedule::times()): latents f32 [L, C] to
/// velocity f32 [2, L, C] (guided) or [1, L, C].
using VelocityFn = std::function<void(
    Context& ctx, const ops::Step& step, const Tensor& latents, const Tensor& velocity)>;

/// A network as the loop sees it: whole, and in parts where a method looks inside.
struct Network {
  template <std::invocable<Context&, const ops::Step&, const Tensor&, const Tensor&> Velocity>
  Network(Velocity whole,
          std::shared_ptr<ops::StepNetwork> inside = {})  // NOLINT: a function is one
      : velocity(std::move(whole)), parts(std::move(inside)) {}

  VelocityFn velocity;
  std::shared_ptr<ops::StepNetwork> parts;  ///< null: only what works on velocities can be used
};

/// What became of a step.
struct StepRecord {
  StepKind kind = StepKind::computed;  ///< computed or predicted
  float value = 0;                     ///< dynamic methods: what was measured,
  float total = 0;                     ///< and with it, what had been accumulated
};

struct SamplerReport {
  std::vector<StepRecord> steps;
  int computed = 0, predicted = 0;
  int anomalies = 0;                  ///< decisions whose value was not finite, and so computed
  std::uint64_t cache_bytes = 0;      ///< held from step to step for the method and the solver
  std::uint64_t offloaded_bytes = 0;  ///< of these, in the host's memory for a device
};

/// Called after each step with the number done (on a device: queued) and the number there will be.
using ProgressFn = std::function<void(int done, int total)>;

/// Looks on: called after each computed step with its number, the velocity after guidance f32
/// [L, C], and, where the network has one, its modulated input [L, width]. Nothing is recorded
/// then.
using ObserveFn =
    std::function<void(Context& ctx, int step, const Tensor& velocity, const Tensor& modulated)>;

/// Integrates `latents` (f32 [L, C]) in place from noise to data: x += (sigma_{i+1} - sigma_i) v.
/// On a device the first step of each kind is queued, recorded, and the others are replays of it:
/// between the first step and the last the host hands over no value and waits for none, unless the
/// configuration says that it is to decide. Raises ErrorCode::cancelled between steps,
/// ErrorCode::corrupt where the network returned a value that is not finite (its weights cannot be
/// sound), ErrorCode::unsupported for a method that needs parts which the network has not.
SamplerReport sample(Context& ctx,
                     const Schedule& schedule,
                     const SamplerOptions& options,
                     const Tensor& latents,
                     const Network& network,
                     const ProgressFn& progress = {},
                     const ObserveFn& observe = {});

/// Sizes that decide what a cache holds.
struct CacheSizes {
  std::int64_t latents = 0, channels = 0;  ///< L, C
  std::int64_t branches = 1, width = 0;
  std::int64_t modules = 0;  ///< ops::StepNetwork::modules()
  DType activations = DType::f32;
};

/// SamplerReport::cache_bytes of a run.
std::uint64_t cache_bytes(const CacheConfig& config, Solver solver, const CacheSizes& sizes);

}  // namespace sinter::sampling
