#include "models/hunyuan_dit_plain.h"

#include <algorithm>
#include <memory>

#include "nn/tap.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"

namespace sinter::models {

namespace {

constexpr float kNormEps = 1e-6F;

void check_tensor(const char* what, const Tensor& x, DType dtype, const Shape& expected) {
  SINTER_CHECK(x.dtype == dtype && x.shape == expected,
               ErrorCode::invalid_argument,
               "[dit] ",
               what,
               ": expected ",
               to_string(dtype),
               " ",
               expected,
               ", got ",
               to_string(x.dtype),
               " ",
               x.shape);
}

}  // namespace

HunyuanDitPlain::HunyuanDitPlain(const checkpoint::Binder& binder,
                                 const HunyuanDitPlainConfig& config)
    : config_(config),
      x_embedder_(binder, "x_embedder", config.in_channels, config.width),
      t_embedder_(binder.scope("t_embedder"),
                  {.fc = "mlp.0", .proj = "mlp.2"},
                  config.width,
                  config.inner(),
                  ops::Activation::gelu_erf),
      norm_final_(binder, "final_layer.norm_final", config.width, kNormEps),
      linear_(binder, "final_layer.linear", config.width, config.in_channels) {
  for (std::int64_t i = 0; i < config.depth; ++i) {
    blocks_.emplace_back(binder.scope("blocks", i), config, i);
  }
}

bool HunyuanDitPlain::recordable(const Context& ctx) const {
  return !ctx.tap;
}

Tensor HunyuanDitPlain::embed_times(Context& ctx, std::span<const float> times) const {
  const auto steps = static_cast<std::int64_t>(times.size());
  const Tensor result = ctx.activation({steps, config_.width}, "times");
  ArenaScope scope(ctx.arena());
  const Tensor e = ops::timestep_embedding(ctx,
                                           times,
                                           {.dim = static_cast<int>(config_.width),
                                            .max_period = 10000.0F,
                                            .factor = 1.0F,
                                            .sines_first = true});
  ops::copy_into(ctx, result, t_embedder_.forward(ctx, e));
  nn::tap(ctx, e, "time_embedding");
  nn::tap(ctx, result, "times");
  return result;
}

std::vector<PlainContext> HunyuanDitPlain::read_condition(Context& ctx,
                                                          const DenoiserRun& run) const {
  ArenaScope scope(ctx.arena());
  const Tensor zero = ctx.activation(run.condition.shape, "zero context");
  ops::set_zero(ctx, zero);
  std::vector<PlainContext> contexts;
  for (const PlainBlock& block : blocks_) {
    ctx.check_cancelled();
    PlainContext& context = contexts.emplace_back();
    context.push_back(block.attn2.keys_values(ctx, run.condition));
    if (!run.guided) continue;
    context.push_back(ctx.switches.skip_zero_context ? ops::PackedKeyValues()
                                                     : block.attn2.keys_values(ctx, zero));
  }
  return contexts;
}

// The steps of one run. Every branch's rows are its time token, then its latent tokens.
class HunyuanDitPlain::Steps final : public ops::StepNetwork {
 public:
  /// times [steps, H], the time tokens; contexts for each block.
  Steps(const HunyuanDitPlain& dit, const Tensor& times, std::vector<PlainContext> contexts)
      : dit_(dit), times_(times), contexts_(std::move(contexts)) {}

  void prepare(Context& ctx, std::int64_t latents) override {
    latents_ = latents;
    tokens_ = ctx.activation({branches() * rows(), dit_.config_.width}, "tokens");
    outputs_.clear();
    for (std::size_t i = 0; i < dit_.blocks_.size() / 2; ++i) {
      outputs_.push_back(ctx.activation(tokens_.shape, "skip"));
    }
  }

  int blocks() const override { return static_cast<int>(dit_.blocks_.size()); }

  void embed(Context& ctx, const ops::Step& step, const Tensor& latents) override {
    check_tensor("latents", latents, DType::f32, {latents_, dit_.config_.in_channels});
    ArenaScope scope(ctx.arena());
    const Tensor first = tokens_.slice(0, rows());
    const Tensor time = ops::select_row(ctx, times_, step).reshape({1, dit_.config_.width});
    ops::copy_into(ctx, first.slice(0, 1), time);
    dit_.x_embedder_.into(ctx, latents, first.slice(1, rows()));
    for (std::int64_t b = 1; b < branches(); ++b) {
      ops::copy_into(ctx, tokens_.slice(b * rows(), (b + 1) * rows()), first);
    }
    nn::tap(ctx, tokens_, "x_embedder");
  }

  void run_blocks(Context& ctx, const ops::Step&, int first, int end) override {
    for (int i = first; i < end; ++i) {
      ctx.check_cancelled();
      const auto block = static_cast<std::size_t>(i);
      const std::int64_t source = dit_.config_.skip_source(i);
      const Tensor skip = source >= 0 ? outputs_[static_cast<std::size_t>(source)] : Tensor{};
      dit_.blocks_[block].forward(ctx, tokens_, contexts_[block], skip);
      nn::tap(ctx, tokens_, "blocks.", block);
      if (block < outputs_.size()) ops::copy_into(ctx, outputs_[block], tokens_);
    }
  }

  void head(Context& ctx, const ops::Step&, const Tensor& velocity) override {
    const Shape latents{latents_, dit_.config_.in_channels};
    check_tensor("velocity", velocity, DType::f32, {branches(), latents[0], latents[1]});
    ArenaScope scope(ctx.arena());
    for (std::int64_t b = 0; b < branches(); ++b) {
      const Tensor normed = dit_.norm_final_.forward(ctx, latent_rows(b));
      dit_.linear_.into(ctx, normed, velocity.slice(b, b + 1).reshape(latents));
    }
    nn::tap(ctx, velocity, "velocity");
  }

  std::vector<Tensor> trunk() const override {
    std::vector<Tensor> rows_of_branches;
    for (std::int64_t b = 0; b < branches(); ++b) rows_of_branches.push_back(latent_rows(b));
    return rows_of_branches;
  }

  void take_trunk(Context&, const ops::Step&) override {}

  // The time is a token among the others, nothing is modulated by it.
  bool has_modulated_input() const override { return false; }
  void modulated_input(Context&, const ops::Step&, const Tensor&) override {
    fail(ErrorCode::unsupported,
         "[dit] modulated input: expected a model that modulates its norms");
  }

 private:
  std::int64_t branches() const { return static_cast<std::int64_t>(contexts_.front().size()); }
  std::int64_t rows() const { return 1 + latents_; }
  Tensor latent_rows(std::int64_t branch) const {
    return tokens_.slice(branch * rows() + 1, (branch + 1) * rows());
  }

  const HunyuanDitPlain& dit_;
  Tensor times_;
  std::vector<PlainContext> contexts_;
  std::int64_t latents_ = 0;
  Tensor tokens_;
  std::vector<Tensor> outputs_;  // of the blocks below the middle
};

Denoise HunyuanDitPlain::begin(Context& ctx, const DenoiserRun& run) const {
  const std::int64_t tokens = run.condition.shape.rank() == 2 ? run.condition.dim(0) : 0;
  check_tensor("condition",
               run.condition,
               ctx.compute(),
               {std::max<std::int64_t>(tokens, 1), config_.context_width});
  const Tensor times = embed_times(ctx, run.times);
  return Denoise(std::make_shared<Steps>(*this, times, read_condition(ctx, run)));
}

}  // namespace sinter::models
