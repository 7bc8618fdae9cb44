#include "models/hunyuan3d_dit.h"

#include <algorithm>
#include <cmath>

#include "nn/tap.h"
#include "ops/activation.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"

namespace sinter::models {

namespace {

constexpr std::int64_t kTimeChannels = 256;

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

Hunyuan3DDit::Hunyuan3DDit(const checkpoint::Binder& binder, const Hunyuan3DDitConfig& config)
    : config_(config),
      latent_in_(binder, "latent_in", config.in_channels, config.width),
      cond_in_(binder, "cond_in", config.context_width, config.width),
      final_layer_(binder.scope("final_layer"), config) {
  const auto bind_embedder = [&](std::string_view name) {
    const checkpoint::Binder scope = binder.scope(name);
    return Embedder{nn::Linear(scope, "in_layer", kTimeChannels, config.width),
                    nn::Linear(scope, "out_layer", config.width, config.width)};
  };
  time_in_ = bind_embedder("time_in");
  if (config.guidance_embed) guidance_in_ = bind_embedder("guidance_in");
  for (std::int64_t i = 0; i < config.double_blocks; ++i) {
    double_blocks_.emplace_back(binder.scope("double_blocks", i), config);
  }
  for (std::int64_t i = 0; i < config.single_blocks; ++i) {
    single_blocks_.emplace_back(binder.scope("single_blocks", i), config);
  }
}

Denoise Hunyuan3DDit::begin(Context& ctx, const DenoiserRun& run) const {
  return
      [this,
       condition = condition(ctx, run.condition, run.guided),
       modulation = modulation(ctx, run.times, run.guidance)](
          Context& context, const ops::Step& step, const Tensor& latents, const Tensor& velocity) {
        forward(context, latents, condition, modulation, step, velocity);
      };
}

bool Hunyuan3DDit::recordable(const Context& ctx) const {
  return !ctx.tap && ctx.switches.modulation_table;
}

DitCondition Hunyuan3DDit::condition(Context& ctx, const Tensor& tokens, bool guided) const {
  SINTER_CHECK(tokens.shape.rank() == 2 && tokens.dim(0) > 0,
               ErrorCode::invalid_argument,
               "[dit] condition: expected [tokens, channels], got ",
               tokens.shape);
  check_tensor("condition", tokens, ctx.compute(), {tokens.dim(0), config_.context_width});
  const std::int64_t count = tokens.dim(0);
  const bool collapse = ctx.switches.collapse_unconditional;
  DitCondition result{.branches = {{.condition = count}}, .tokens = {}};
  if (guided) {
    const float bias = collapse ? std::log(static_cast<float>(count)) : 0.0F;
    result.branches.push_back({.condition = collapse ? 1 : count, .first_key_bias = bias});
  }
  const std::int64_t zeros = guided ? result.branches[1].condition : 0;
  result.tokens = ctx.activation({count + zeros, config_.width}, "condition");
  cond_in_.into(ctx, tokens, result.tokens.slice(0, count));
  if (guided) {
    ArenaScope scope(ctx.arena());
    const Tensor zero = ctx.activation({zeros, config_.context_width}, "zero context");
    ops::set_zero(ctx, zero);
    cond_in_.into(ctx, zero, result.tokens.slice(count, count + zeros));
  }
  return result;
}

Tensor Hunyuan3DDit::embed(Context& ctx,
                           const Embedder& embedder,
                           std::span<const float> values) const {
  // The period is the model's time_factor (1000), not the customary 10000; the multiplier is 1000.
  const ops::TimestepEmbeddingOptions options{
      .dim = kTimeChannels, .max_period = config_.time_factor, .factor = 1000.0F};
  const Tensor e = ops::timestep_embedding(ctx, values, options);
  return embedder.out.forward(ctx, embedder.in.forward(ctx, e, ops::Activation::silu));
}

DitModulation Hunyuan3DDit::modulation(Context& ctx,
                                       std::span<const float> times,
                                       float guidance) const {
  DitModulation result{.times = {times.begin(), times.end()}, .guidance = guidance, .table = {}};
  if (ctx.switches.modulation_table) result.table = modulation_table(ctx, times, guidance);
  return result;
}

Tensor Hunyuan3DDit::modulation_table(Context& ctx,
                                      std::span<const float> times,
                                      float guidance) const {
  // In the order in which run() uses them.
  std::vector<const nn::Linear*> layers;
  for (const DitDoubleBlock& block : double_blocks_) {
    layers.insert(layers.end(), {&block.img.modulation, &block.txt.modulation});
  }
  for (const DitSingleBlock& block : single_blocks_) layers.push_back(&block.modulation);
  layers.push_back(&final_layer_.modulation);
  std::int64_t columns = 0;
  for (const nn::Linear* layer : layers) columns += layer->weight.out_features();

  const auto steps = static_cast<std::int64_t>(times.size());
  const Tensor table = ctx.activation({steps, columns}, "modulation");
  ArenaScope scope(ctx.arena());
  const Tensor vec = embed(ctx, time_in_, times);
  if (config_.guidance_embed) {
    const std::vector<float> same(times.size(), guidance);
    ops::add_in_place(ctx, vec, embed(ctx, guidance_in_, same));
  }
  nn::tap(ctx, vec, "vec");
  ops::silu_in_place(ctx, vec);
  std::int64_t first = 0;
  for (const nn::Linear* layer : layers) {
    const std::int64_t end = first + layer->weight.out_features();
    layer->into(ctx, vec, ops::columns(table, first, end));
    first = end;
  }
  return table;
}

Tensor Hunyuan3DDit::assemble(Context& ctx,
                              const DitRows& rows,
                              const Tensor& latents,
                              const DitCondition& condition) const {
  const Tensor tokens = ctx.activation({rows.total(), config_.width}, "tokens");
  const std::int64_t cut = rows.condition_total();
  ops::copy_into(ctx, tokens.slice(0, cut), condition.tokens);
  const Tensor first = tokens.slice(cut, cut + rows.latents);
  latent_in_.into(ctx, latents, first);
  for (std::int64_t begin = cut + rows.latents; begin < rows.total(); begin += rows.latents) {
    ops::copy_into(ctx, tokens.slice(begin, begin + rows.latents), first);
  }
  return tokens;
}

void Hunyuan3DDit::forward(Context& ctx,
                           const Tensor& latents,
                           const DitCondition& condition,
                           const DitModulation& modulation,
                           const ops::Step& step,
                           const Tensor& velocity) const {
  const auto branches = static_cast<std::int64_t>(condition.branches.size());
  const std::int64_t tokens = latents.shape.rank() == 2 ? latents.dim(0) : 0;
  check_tensor("latents", latents, DType::f32, {tokens, config_.in_channels});
  check_tensor("velocity", velocity, DType::f32, {branches, tokens, config_.in_channels});
  ArenaScope scope(ctx.arena());
  if (modulation.table.defined()) {
    return run(ctx, latents, condition, ops::select_row(ctx, modulation.table, step), velocity);
  }
  const std::span<const float> time(&modulation.times.at(static_cast<std::size_t>(step.number)), 1);
  const Tensor own = modulation_table(ctx, time, modulation.guidance);
  run(ctx, latents, condition, ops::select_row(ctx, own, 0), velocity);
}

const nn::Linear& Hunyuan3DDit::first_product(std::size_t layer) const {
  if (layer < double_blocks_.size()) return double_blocks_[layer].img.qkv;
  const std::size_t single = layer - double_blocks_.size();
  return single < single_blocks_.size() ? single_blocks_[single].qkv : final_layer_.linear;
}

void Hunyuan3DDit::run(Context& ctx,
                       const Tensor& latents,
                       const DitCondition& condition,
                       const Tensor& modulations,
                       const Tensor& velocity) const {
  const DitRows rows{.branches = condition.branches, .latents = latents.dim(0)};
  const DitModulations m(modulations, config_);
  const Tensor tokens = assemble(ctx, rows, latents, condition);
  const Tensor txt = tokens.slice(0, rows.condition_total());
  const Tensor img = tokens.slice(rows.condition_total(), rows.total());
  nn::tap(ctx, img, "latent_in");
  nn::tap(ctx, txt, "cond_in");
  // Each block ends with the norm that the next one begins with.
  const std::size_t layers = double_blocks_.size() + single_blocks_.size();
  const Tensor block_input = first_product(0).input(ctx, rows.total(), "normed tokens");
  const Tensor last_input = first_product(layers).input(ctx, rows.total(), "last norm");
  const auto normed = [&](std::size_t layer) { return layer < layers ? block_input : last_input; };
  norm_streams(ctx, rows, tokens, m.first_norm(0), normed(0));
  for (std::size_t i = 0; i < double_blocks_.size(); ++i) {
    ctx.check_cancelled();
    double_blocks_[i].forward(
        ctx, rows, tokens, normed(i), m.double_block(i), m.first_norm(i + 1), normed(i + 1));
    nn::tap(ctx, img, "double_blocks.", i, ".img");
    nn::tap(ctx, txt, "double_blocks.", i, ".txt");
  }
  for (std::size_t i = 0; i < single_blocks_.size(); ++i) {
    ctx.check_cancelled();
    const std::size_t next = double_blocks_.size() + i + 1;
    single_blocks_[i].forward(ctx,
                              rows,
                              tokens,
                              normed(next - 1),
                              m.single_block(i),
                              m.first_norm(next).img,
                              normed(next));
    nn::tap(ctx, tokens, "single_blocks.", i);
  }
  const Tensor last = last_input.slice(rows.condition_total(), rows.total());
  final_layer_.linear.into(ctx, last, velocity);
  nn::tap(ctx, velocity, "velocity");
}

}  // namespace sinter::models
