#pragma once
// What is kept from step to step for one run, and how it stands in for an evaluation: one class a
// method, with the same few parts. Everything lies in the context's arena and is gone with the run.
// Internal to the room.

#include <memory>
#include <vector>

#include "ops/decision.h"
#include "sampling/sampler.h"

namespace sinter::sampling {

/// Memory for what one run keeps from step to step, counted: the context's, or, with `offload` and
/// on a device, the host's, which the device's work reads and writes over the link.
class Keeper {
 public:
  Keeper(Context& ctx, bool offload) : ctx_(ctx), offload_(offload && ctx.accelerator()) {}
  Tensor keep(DType dtype, Shape shape, std::string_view name);
  std::uint64_t bytes() const { return bytes_; }
  /// Of these, in the host's memory for a device.
  std::uint64_t offloaded_bytes() const { return offload_ ? bytes_ : 0; }

 private:
  Context& ctx_;
  bool offload_;
  std::vector<Buffer> offloaded_;
  std::uint64_t bytes_ = 0;
};

/// What every method works with. The halves of guidance lie in `halves`; `velocity` is where their
/// combination goes.
struct StepTools {
  const Network& network;
  const SamplerOptions& options;
  Tensor latents;   ///< f32 [L, C]
  Tensor halves;    ///< f32 [branches, L, C]
  Tensor velocity;  ///< f32 [L, C], the last of the halves

  /// Combines the halves.
  void guide(Context& ctx) const;
};

/// A step is begin(), then compute() or reuse().
class StepCache {
 public:
  virtual ~StepCache() = default;
  /// Dynamic methods: what has to be known for the decision, measured into `sums`.
  virtual void begin(Context&, const ops::Step&, const Tensor& /*sums*/) {}
  /// Evaluates the network (what begin() has left of it) into tools.velocity and remembers.
  virtual void compute(Context& ctx, const ops::Step& step, const Tensor& sums) = 0;
  /// Fills tools.velocity from what is remembered.
  virtual void reuse(Context& ctx, const ops::Step& step) = 0;
  /// Whether reuse() gives a velocity; otherwise the forecast of velocities is the whole step.
  virtual bool reuse_gives_velocity() const { return true; }
};

/// The method of a configuration. `tools` must outlive it. Raises ErrorCode::unsupported where the
/// network lacks the parts that it needs.
std::unique_ptr<StepCache> make_step_cache(Context& ctx,
                                           Keeper& keeper,
                                           const StepTools& tools,
                                           const Schedule& schedule);

/// The rule by which a dynamic method decides.
ops::DecisionRule decision_rule(const CacheConfig& config);

/// A table of weights over the rows of a ring of snapshots, a row for each step of a plan whose
/// snapshots are taken at known steps.
class WeightTable {
 public:
  WeightTable(std::size_t steps, std::size_t rows) : rows_(rows), weights_(steps * rows, 0.0F) {}
  /// weights[j] belongs to the snapshot number newest - j.
  void set(std::size_t step, std::size_t newest, const std::vector<double>& weights);
  /// f32 [steps, rows] where the context computes.
  Tensor upload(Context& ctx, std::string_view name) const;

 private:
  std::size_t rows_;
  std::vector<float> weights_;
};

}  // namespace sinter::sampling
