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

Denoise HunyuanDitPlain::begin(Context& ctx, const DenoiserRun& run) const {
  const std::int64_t tokens = run.condition.shape.rank() == 2 ? run.condition.dim(0) : 0;
  check_tensor("condition",
               run.condition,
               ctx.compute(),
               {std::max<std::int64_t>(tokens, 1), config_.context_width});
  auto prepared = std::make_shared<Prepared>();
  prepared->times = embed_times(ctx, run.times);
  prepared->contexts = read_condition(ctx, run);
  return
      [this, prepared = std::shared_ptr<const Prepared>(std::move(prepared))](
          Context& context, const ops::Step& step, const Tensor& latents, const Tensor& velocity) {
        forward(context, *prepared, step, latents, velocity);
      };
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

Tensor HunyuanDitPlain::assemble(Context& ctx,
                                 const Tensor& time,
                                 const Tensor& latents,
                                 std::int64_t branches) const {
  const std::int64_t rows = 1 + latents.dim(0);
  const Tensor x = ctx.activation({branches * rows, config_.width}, "tokens");
  const Tensor first = x.slice(0, rows);
  ops::copy_into(ctx, first.slice(0, 1), time);
  x_embedder_.into(ctx, latents, first.slice(1, rows));
  for (std::int64_t b = 1; b < branches; ++b) {
    ops::copy_into(ctx, x.slice(b * rows, (b + 1) * rows), first);
  }
  return x;
}

void HunyuanDitPlain::forward(Context& ctx,
                              const Prepared& prepared,
                              const ops::Step& step,
                              const Tensor& latents,
                              const Tensor& velocity) const {
  const auto branches = static_cast<std::int64_t>(prepared.contexts.front().size());
  const std::int64_t tokens = latents.shape.rank() == 2 ? latents.dim(0) : 0;
  check_tensor("latents", latents, DType::f32, {tokens, config_.in_channels});
  check_tensor("velocity", velocity, DType::f32, {branches, tokens, config_.in_channels});
  ArenaScope scope(ctx.arena());
  const Tensor time = ops::select_row(ctx, prepared.times, step);
  const Tensor x = assemble(ctx, time.reshape({1, config_.width}), latents, branches);
  nn::tap(ctx, x, "x_embedder");
  std::vector<Tensor> outputs;  // of the blocks below the middle
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    ctx.check_cancelled();
    const std::int64_t source = config_.skip_source(static_cast<std::int64_t>(i));
    const Tensor skip = source >= 0 ? outputs[static_cast<std::size_t>(source)] : Tensor{};
    blocks_[i].forward(ctx, x, prepared.contexts[i], skip);
    nn::tap(ctx, x, "blocks.", i);
    if (i >= blocks_.size() / 2) continue;
    outputs.push_back(ctx.activation(x.shape, "skip"));
    ops::copy_into(ctx, outputs.back(), x);
  }
  const std::int64_t rows = 1 + tokens;
  for (std::int64_t b = 0; b < branches; ++b) {
    const Tensor normed = norm_final_.forward(ctx, x.slice(b * rows + 1, (b + 1) * rows));
    const Tensor part = velocity.slice(b, b + 1).reshape(latents.shape);
    linear_.into(ctx, normed, part);
  }
  nn::tap(ctx, velocity, "velocity");
}

}  // namespace sinter::models
