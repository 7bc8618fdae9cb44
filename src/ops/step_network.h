#pragma once
// One step of a network in parts, for a sampler that leaves some of them out: what a model shows of
// itself, whatever the sampler makes of it.

#include <cstdint>
#include <functional>
#include <vector>

#include "core/context.h"
#include "core/error.h"
#include "core/tensor.h"
#include "ops/step.h"

namespace sinter::ops {

/// Reads or fills the output of a module, [n, width], of the type of activations.
using ModuleFn = std::function<void(Context& ctx, int module, const Tensor& output)>;

/// embed(), then run_blocks(0, blocks()), then head() is a step. The parts hand tokens on in memory
/// that prepare() took, so that a part may be recorded by itself.
class StepNetwork {
 public:
  virtual ~StepNetwork() = default;

  /// Takes the memory for steps of `latents` latent tokens from the context's arena.
  virtual void prepare(Context& ctx, std::int64_t latents) = 0;
  virtual int blocks() const = 0;

  /// latents f32 [L, C] -> tokens.
  virtual void embed(Context& ctx, const Step& step, const Tensor& latents) = 0;
  /// Blocks first..end - 1, in place. Raises ErrorCode::cancelled between them.
  virtual void run_blocks(Context& ctx, const Step& step, int first, int end) = 0;
  /// Tokens -> velocity f32 [branches, L, C].
  virtual void head(Context& ctx, const Step& step, const Tensor& velocity) = 0;

  /// The tokens of the latents, all branches': [n, width] each, of the type of activations. Other
  /// tokens (condition, time) are not among them, and the head does not read those.
  virtual std::vector<Tensor> trunk() const = 0;
  /// The trunk was written by someone else than the blocks: makes head() see it.
  virtual void take_trunk(Context& ctx, const Step& step) = 0;

  /// The modules (attention, MLP, or both of a block together) whose outputs the blocks add to the
  /// latent tokens, each gated by the time; 0 for a network whose blocks are not of that form.
  virtual int modules() const { return 0; }
  /// run_blocks(0, blocks()) that shows the output of each module for the latent tokens of all
  /// branches, before its gate.
  virtual void show_modules(Context&, const Step&, const ModuleFn& /*show*/) { no_modules(); }
  /// The latent tokens' way through all blocks with outputs that `fill` gives. take_trunk() has to
  /// follow.
  virtual void fill_modules(Context&, const Step&, const ModuleFn& /*fill*/) { no_modules(); }

  /// Whether there is an input that the time modulates: TeaCache's.
  virtual bool has_modulated_input() const = 0;
  /// After embed(): dst [L, width], of the type of activations = the first norm of the first
  /// branch's latent tokens, modulated. All branches embed the same latents.
  virtual void modulated_input(Context& ctx, const Step& step, const Tensor& dst) = 0;

 private:
  [[noreturn]] static void no_modules() {
    fail(ErrorCode::internal, "[step] expected a network that has modules");
  }
};

}  // namespace sinter::ops
