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

const nn::Linear& Hunyuan3DDit::first_product(std::size_t layer) const {
  if (layer < double_blocks_.size()) return double_blocks_[layer].img.qkv;
  const std::size_t single = layer - double_blocks_.size();
  return single < single_blocks_.size() ? single_blocks_[single].qkv : final_layer_.linear;
}

// The steps of one run. Each block ends with the norm that the next one begins with.
class Hunyuan3DDit::Steps final : public ops::StepNetwork {
 public:
  Steps(const Hunyuan3DDit& dit, DitCondition condition, DitModulation modulation)
      : dit_(dit), condition_(std::move(condition)), modulation_(std::move(modulation)) {}

  void prepare(Context& ctx, std::int64_t latents) override {
    rows_ = {.branches = condition_.branches, .latents = latents};
    tokens_ = ctx.activation({rows_.total(), dit_.config_.width}, "tokens");
    block_input_ = dit_.first_product(0).input(ctx, rows_.total(), "normed tokens");
    last_input_ = dit_.first_product(layers()).input(ctx, rows_.total(), "last norm");
  }

  int blocks() const override { return static_cast<int>(layers()); }

  void embed(Context& ctx, const ops::Step& step, const Tensor& latents) override {
    check_tensor("latents", latents, DType::f32, {rows_.latents, dit_.config_.in_channels});
    const std::int64_t cut = rows_.condition_total();
    ops::copy_into(ctx, tokens_.slice(0, cut), condition_.tokens);
    // latent_in, copied to every branch, behind the condition rows.
    const Tensor first = tokens_.slice(cut, cut + rows_.latents);
    dit_.latent_in_.into(ctx, latents, first);
    for (std::int64_t begin = cut + rows_.latents; begin < rows_.total(); begin += rows_.latents) {
      ops::copy_into(ctx, tokens_.slice(begin, begin + rows_.latents), first);
    }
    nn::tap(ctx, img(), "latent_in");
    nn::tap(ctx, txt(), "cond_in");
    with_modulations(ctx, step, [&](const DitModulations& m) {
      norm_streams(ctx, rows_, tokens_, m.first_norm(0), normed(0));
    });
  }

  void run_blocks(Context& ctx, const ops::Step& step, int first, int end) override {
    with_modulations(ctx, step, [&](const DitModulations& m) {
      for (int layer = first; layer < end; ++layer) {
        ctx.check_cancelled();
        run_block(ctx, m, static_cast<std::size_t>(layer), {});
      }
    });
  }

  int modules() const override { return first_module(layers()); }

  void show_modules(Context& ctx, const ops::Step& step, const ops::ModuleFn& show) override {
    with_modulations(ctx, step, [&](const DitModulations& m) {
      for (std::size_t layer = 0; layer < layers(); ++layer) {
        ctx.check_cancelled();
        const int first = first_module(layer);
        run_block(ctx, m, layer, [&](Context& c, int part, const Tensor& output) {
          show(c, first + part, output);
        });
      }
    });
  }

  void fill_modules(Context& ctx, const ops::Step& step, const ops::ModuleFn& fill) override {
    with_modulations(ctx, step, [&](const DitModulations& m) {
      const Tensor output = ctx.activation(img().shape, "module");
      for (std::size_t layer = 0; layer < layers(); ++layer) {
        int module = first_module(layer);
        for (const Tensor& gate : m.gates(layer)) {
          fill(ctx, module++, output);
          ops::add_gated_in_place(ctx, img(), gate, output);
        }
      }
    });
  }

  void head(Context& ctx, const ops::Step&, const Tensor& velocity) override {
    const auto branches = static_cast<std::int64_t>(rows_.branches.size());
    check_tensor(
        "velocity", velocity, DType::f32, {branches, rows_.latents, dit_.config_.in_channels});
    dit_.final_layer_.linear.into(ctx, latent_rows(last_input_), velocity);
    nn::tap(ctx, velocity, "velocity");
  }

  std::vector<Tensor> trunk() const override { return {img()}; }

  void take_trunk(Context& ctx, const ops::Step& step) override {
    with_modulations(ctx, step, [&](const DitModulations& m) {
      ops::layer_norm_modulate_into(
          ctx, img(), m.first_norm(layers()).img, latent_rows(last_input_));
    });
  }

  bool has_modulated_input() const override { return true; }

  void modulated_input(Context& ctx, const ops::Step& step, const Tensor& dst) override {
    with_modulations(ctx, step, [&](const DitModulations& m) {
      ops::layer_norm_modulate_into(ctx, img().slice(0, rows_.latents), m.first_norm(0).img, dst);
    });
  }

 private:
  /// Modules of the layers before: a double block has two, a single block one.
  int first_module(std::size_t layer) const {
    return static_cast<int>(layer + std::min(layer, dit_.double_blocks_.size()));
  }
  std::size_t layers() const { return dit_.double_blocks_.size() + dit_.single_blocks_.size(); }
  Tensor txt() const { return tokens_.slice(0, rows_.condition_total()); }
  Tensor img() const { return latent_rows(tokens_); }
  Tensor latent_rows(const Tensor& all) const {
    return all.slice(rows_.condition_total(), rows_.total());
  }
  const Tensor& normed(std::size_t layer) const {
    return layer < layers() ? block_input_ : last_input_;
  }

  /// Calls body(modulations of the step); what they and it take is given back.
  template <class Body>
  void with_modulations(Context& ctx, const ops::Step& step, Body body) const {
    ArenaScope scope(ctx.arena());
    if (modulation_.table.defined()) {
      return body(DitModulations(ops::select_row(ctx, modulation_.table, step), dit_.config_));
    }
    const std::span<const float> time(&modulation_.times.at(static_cast<std::size_t>(step.number)),
                                      1);
    const Tensor own = dit_.modulation_table(ctx, time, modulation_.guidance);
    body(DitModulations(ops::select_row(ctx, own, 0), dit_.config_));
  }

  void run_block(Context& ctx,
                 const DitModulations& m,
                 std::size_t layer,
                 const ShowPart& show) const {
    const std::size_t doubles = dit_.double_blocks_.size();
    const Streams<ops::ScaleShift> next = m.first_norm(layer + 1);
    if (layer < doubles) {
      dit_.double_blocks_[layer].forward(
          ctx, rows_, tokens_, normed(layer), m.double_block(layer), next, normed(layer + 1), show);
      nn::tap(ctx, img(), "double_blocks.", layer, ".img");
      nn::tap(ctx, txt(), "double_blocks.", layer, ".txt");
      return;
    }
    const std::size_t single = layer - doubles;
    dit_.single_blocks_[single].forward(ctx,
                                        rows_,
                                        tokens_,
                                        normed(layer),
                                        m.single_block(single),
                                        next.img,
                                        normed(layer + 1),
                                        show);
    nn::tap(ctx, tokens_, "single_blocks.", single);
  }

  const Hunyuan3DDit& dit_;
  DitCondition condition_;
  DitModulation modulation_;
  DitRows rows_;
  Tensor tokens_, block_input_, last_input_;
};

Denoise Hunyuan3DDit::begin(Context& ctx, const DenoiserRun& run) const {
  DitCondition tokens = condition(ctx, run.condition, run.guided);
  DitModulation vectors = modulation(ctx, run.times, run.guidance);
  return Denoise(std::make_shared<Steps>(*this, std::move(tokens), std::move(vectors)));
}

}  // namespace sinter::models
