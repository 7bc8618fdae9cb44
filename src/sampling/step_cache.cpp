#include "sampling/step_cache.h"

#include <algorithm>

#include "ops/backend.h"
#include "ops/elementwise.h"
#include "ops/history.h"
#include "ops/transfer.h"
#include "sampling/forecast.h"

namespace sinter::sampling {

namespace {

using Parts = std::vector<Tensor>;

const Network& with_parts(const StepTools& tools) {
  SINTER_CHECK(tools.network.parts != nullptr,
               ErrorCode::unsupported,
               "[cache] ",
               to_string(tools.options.cache.method),
               ": expected a network that shows its parts");
  return tools.network;
}

/// Rows of all parts, one behind the other.
Shape rows_of(const Parts& parts) {
  std::int64_t rows = 0;
  for (const Tensor& part : parts) rows += part.dim(0);
  return {rows, parts.front().dim(1)};
}

/// Calls body(part, the same rows of `all`).
template <class Body>
void for_parts(const Parts& parts, const Tensor& all, Body body) {
  std::int64_t row = 0;
  for (const Tensor& part : parts) {
    body(part, all.slice(row, row + part.dim(0)));
    row += part.dim(0);
  }
}

DType history_type(Context& ctx, HistoryType chosen, DType automatic) {
  if (ctx.device() == Device::cpu) return DType::f32;  // the type of all operators there
  switch (chosen) {
    case HistoryType::fp32:
      return DType::f32;
    case HistoryType::fp16:
      return DType::f16;
    case HistoryType::bf16:
      return DType::bf16;
    case HistoryType::automatic:
      break;
  }
  return automatic;
}

/// f32 [1] = -1.
Tensor minus_one(Context& ctx) {
  const Tensor value = ctx.host().allocate(DType::f32, {1}, "-1");
  value.f32_mut()[0] = -1.0F;
  return ops::to_device(ctx, value, DType::f32);
}

/// Every step is computed, or a forecast of velocities, made elsewhere, is the whole step.
class WholeSteps final : public StepCache {
 public:
  explicit WholeSteps(const StepTools& tools) : tools_(tools) {}
  void compute(Context& ctx, const ops::Step& step, const Tensor&) override {
    ArenaScope scope(ctx.arena());
    tools_.network.velocity(ctx, step, tools_.latents, tools_.halves);
    tools_.guide(ctx);
  }
  void reuse(Context&, const ops::Step&) override {}
  bool reuse_gives_velocity() const override { return false; }

 private:
  const StepTools& tools_;
};

/// What the methods have in common that replace the blocks and evaluate the head in every step.
class TrunkCache : public StepCache {
 protected:
  TrunkCache(Context& ctx, const StepTools& tools)
      : tools_(tools), network_(*with_parts(tools).parts) {
    network_.prepare(ctx, tools.latents.dim(0));
    trunk_ = network_.trunk();
  }
  void finish(Context& ctx, const ops::Step& step) {
    network_.head(ctx, step, tools_.halves);
    tools_.guide(ctx);
  }

  const StepTools& tools_;
  ops::StepNetwork& network_;
  Parts trunk_;
};

/// TaylorSeer inside the network: snapshots of several tensors in each computed step, and forecasts
/// of them.
class InnerForecast : public TrunkCache {
 protected:
  InnerForecast(Context& ctx, const StepTools& tools, const Schedule& schedule)
      : TrunkCache(ctx, tools) {
    const CacheConfig& config = tools.options.cache;
    const auto rows = static_cast<std::size_t>(config.order) + 1;
    if (ctx.accelerator()) cell_ = ops::step_number(ctx);
    WeightTable table(tools.options.plan.size(), rows);
    std::vector<double> anchors;  // newest first
    for (std::size_t step = 0; step < tools.options.plan.size(); ++step) {
      const double at =
          config.abscissa == Abscissa::step ? static_cast<double>(step) : schedule.sigmas[step];
      if (tools.options.plan[step] == StepKind::computed) {
        anchors.insert(anchors.begin(), at);
      } else {
        table.set(
            step, anchors.size() - 1, forecast_weights(config.basis, config.order, anchors, at));
      }
    }
    weights_ = table.upload(ctx, "forecast");
  }

  /// Makes room for snapshots of one more tensor.
  void keep(Context& ctx, Keeper& keeper, const Shape& shape) {
    const CacheConfig& config = tools_.options.cache;
    const DType dtype = history_type(ctx, config.history, ctx.compute());
    snapshots_.push_back(keeper.keep(dtype, {config.order + 1, shape[0], shape[1]}, "snapshots"));
  }
  ops::Step next_place() { return {taken_++, cell_}; }
  /// Of step's forecast, in the arena.
  Tensor weights(Context& ctx, const ops::Step& step) const {
    return ops::select_row(ctx, weights_, step);
  }

  Parts snapshots_;  // [order + 1, n, width] of each tensor

 private:
  Tensor weights_;  // f32 [steps, order + 1]
  Tensor cell_;     // where a device counts snapshots
  std::int64_t taken_ = 0;
};

/// At the trunk: what the blocks give.
class TrunkForecast final : public InnerForecast {
 public:
  TrunkForecast(Context& ctx, Keeper& keeper, const StepTools& tools, const Schedule& schedule)
      : InnerForecast(ctx, tools, schedule) {
    for (const Tensor& part : trunk_) keep(ctx, keeper, part.shape);
  }

  void compute(Context& ctx, const ops::Step& step, const Tensor&) override {
    network_.embed(ctx, step, tools_.latents);
    network_.run_blocks(ctx, step, 0, network_.blocks());
    const ops::Step place = next_place();
    for (std::size_t i = 0; i < trunk_.size(); ++i) {
      ops::store_row(ctx, snapshots_[i], place, trunk_[i]);
    }
    ops::advance(ctx, place);
    finish(ctx, step);
  }

  void reuse(Context& ctx, const ops::Step& step) override {
    ArenaScope scope(ctx.arena());
    const Tensor shares = weights(ctx, step);
    for (std::size_t i = 0; i < trunk_.size(); ++i) {
      ops::weighted_rows(ctx, snapshots_[i], shares, trunk_[i]);
    }
    network_.take_trunk(ctx, step);
    finish(ctx, step);
  }
};

/// At the modules: what attention and MLP give, so that the gates follow the time, as the reference
/// has it.
class ModuleForecast final : public InnerForecast {
 public:
  ModuleForecast(Context& ctx, Keeper& keeper, const StepTools& tools, const Schedule& schedule)
      : InnerForecast(ctx, tools, schedule) {
    SINTER_CHECK(network_.modules() > 0,
                 ErrorCode::unsupported,
                 "[cache] granularity module: expected a network of gated modules");
    for (int i = 0; i < network_.modules(); ++i) keep(ctx, keeper, rows_of(trunk_));
  }

  void compute(Context& ctx, const ops::Step& step, const Tensor&) override {
    network_.embed(ctx, step, tools_.latents);
    const ops::Step place = next_place();
    network_.show_modules(ctx, step, [&](Context& c, int module, const Tensor& output) {
      ops::store_row(c, snapshots_[static_cast<std::size_t>(module)], place, output);
    });
    ops::advance(ctx, place);
    finish(ctx, step);
  }

  void reuse(Context& ctx, const ops::Step& step) override {
    ArenaScope scope(ctx.arena());
    const Tensor shares = weights(ctx, step);
    network_.embed(ctx, step, tools_.latents);
    network_.fill_modules(ctx, step, [&](Context& c, int module, const Tensor& output) {
      ops::weighted_rows(c, snapshots_[static_cast<std::size_t>(module)], shares, output);
    });
    network_.take_trunk(ctx, step);
    finish(ctx, step);
  }
};

/// The residual of the blocks from `first` on: what they added in the last computed step.
class ResidualCache : public TrunkCache {
 public:
  ResidualCache(Context& ctx, Keeper& keeper, const StepTools& tools, int first)
      : TrunkCache(ctx, tools), first_(first) {
    const Shape all = rows_of(trunk_);
    before_ = ctx.activation(all, "trunk before");
    residual_ =
        keeper.keep(history_type(ctx, tools.options.cache.history, DType::f32), all, "residual");
    minus_one_ = minus_one(ctx);
  }

  void compute(Context& ctx, const ops::Step& step, const Tensor&) override {
    copy_trunk(ctx, before_);
    network_.run_blocks(ctx, step, first_, network_.blocks());
    copy_trunk(ctx, residual_);
    ops::add_scaled_in_place(ctx, residual_, minus_one_, before_);
    remember(ctx);
    finish(ctx, step);
  }

  void reuse(Context& ctx, const ops::Step& step) override {
    for_parts(trunk_, residual_, [&](const Tensor& part, const Tensor& residual) {
      ops::add_in_place(ctx, part, residual);
    });
    network_.take_trunk(ctx, step);
    finish(ctx, step);
  }

 protected:
  void copy_trunk(Context& ctx, const Tensor& to) const {
    for_parts(trunk_, to, [&](const Tensor& part, const Tensor& rows) {
      ops::copy_into(ctx, rows, part);
    });
  }
  /// What the next decisions compare with.
  virtual void remember(Context& ctx) = 0;

  int first_;
  Tensor before_, residual_, minus_one_;
};

/// FBCache: the first block runs in every step, and the change of what it adds decides.
class FirstBlock final : public ResidualCache {
 public:
  FirstBlock(Context& ctx, Keeper& keeper, const StepTools& tools)
      : ResidualCache(ctx, keeper, tools, 1) {
    const Shape all = rows_of(trunk_);
    added_ = ctx.allocate(DType::f32, all, "first block");
    reference_ = keeper.keep(DType::f32, all, "reference");
    ops::set_zero(ctx, reference_);
  }

  void begin(Context& ctx, const ops::Step& step, const Tensor& sums) override {
    network_.embed(ctx, step, tools_.latents);
    copy_trunk(ctx, before_);
    network_.run_blocks(ctx, step, 0, 1);
    copy_trunk(ctx, added_);
    ops::add_scaled_in_place(ctx, added_, minus_one_, before_);
    ops::measure_change(ctx, added_, reference_, sums.slice(0, 2));
    if (follows()) ops::copy_into(ctx, reference_, added_);
  }

 private:
  bool follows() const { return tools_.options.cache.reference == Reference::previous_step; }
  void remember(Context& ctx) override {
    if (!follows()) ops::copy_into(ctx, reference_, added_);
  }
  Tensor added_, reference_;
};

/// TeaCache: the change of the first norm's modulated output from step to step decides.
class ModulatedInput final : public ResidualCache {
 public:
  ModulatedInput(Context& ctx, Keeper& keeper, const StepTools& tools)
      : ResidualCache(ctx, keeper, tools, 0) {
    SINTER_CHECK(network_.has_modulated_input(),
                 ErrorCode::unsupported,
                 "[cache] TeaCache: expected a network whose norms the time modulates");
    const Shape one{tools.latents.dim(0), trunk_.front().dim(1)};
    input_ = ctx.activation(one, "modulated input");
    previous_ = keeper.keep(ctx.compute(), one, "previous modulated input");
    ops::set_zero(ctx, previous_);
  }

  void begin(Context& ctx, const ops::Step& step, const Tensor& sums) override {
    network_.embed(ctx, step, tools_.latents);
    network_.modulated_input(ctx, step, input_);
    ops::measure_change(ctx, input_, previous_, sums.slice(0, 2));
    ops::copy_into(ctx, previous_, input_);
  }

 private:
  void remember(Context&) override {}
  Tensor input_, previous_;
};

/// EasyCache: the velocity is taken to keep its distance from the latents; how much it will have
/// changed is estimated from how far the latents moved, by the rate of the last two evaluations.
class LatentChange final : public StepCache {
 public:
  LatentChange(Context& ctx, Keeper& keeper, const StepTools& tools) : tools_(tools) {
    for (Tensor* tensor : {&previous_, &latents_, &velocity_}) {
      *tensor = keeper.keep(DType::f32, tools.latents.shape, "last evaluation");
      ops::set_zero(ctx, *tensor);
    }
    minus_one_ = minus_one(ctx);
  }

  void begin(Context& ctx, const ops::Step&, const Tensor& sums) override {
    ops::measure_change(ctx, tools_.latents, previous_, sums.slice(0, 2));
    ops::copy_into(ctx, previous_, tools_.latents);
  }

  void compute(Context& ctx, const ops::Step& step, const Tensor& sums) override {
    {
      ArenaScope scope(ctx.arena());
      tools_.network.velocity(ctx, step, tools_.latents, tools_.halves);
    }
    tools_.guide(ctx);
    ops::measure_change(ctx, velocity_, tools_.velocity, sums.slice(2, 4));
    ops::measure_change(ctx, latents_, tools_.latents, sums.slice(4, 6));
    ops::copy_into(ctx, velocity_, tools_.velocity);
    ops::copy_into(ctx, latents_, tools_.latents);
  }

  void reuse(Context& ctx, const ops::Step&) override {
    ops::copy_into(ctx, tools_.velocity, tools_.latents);
    ops::add_scaled_in_place(ctx, tools_.velocity, minus_one_, latents_);
    ops::add_in_place(ctx, tools_.velocity, velocity_);
  }

 private:
  const StepTools& tools_;
  Tensor previous_, latents_, velocity_, minus_one_;
};

}  // namespace

Tensor Keeper::keep(DType dtype, Shape shape, std::string_view name) {
  const auto bytes = static_cast<std::size_t>(shape.elements()) * size_of(dtype);
  bytes_ += bytes;
  if (!offload_) return ctx_.allocate(dtype, shape, name);
  Allocator& memory = ops::backend(ctx_, "cache").host_memory();
  try {
    offloaded_.emplace_back(bytes, &memory);
  } catch (const Error& error) {
    fail(error.code(), "[cache] E_MEM /TaylorSeer/offload: ", error.message());
  }
  return {offloaded_.back().data(), dtype, memory.device(), shape, name};
}

void StepTools::guide(Context& ctx) const {
  if (!options.guided) return;
  ops::guide_in_place(ctx, velocity, halves.slice(0, 1).reshape(latents.shape), options.guidance);
}

std::unique_ptr<StepCache> make_step_cache(Context& ctx,
                                           Keeper& keeper,
                                           const StepTools& tools,
                                           const Schedule& schedule) {
  const CacheConfig& config = tools.options.cache;
  switch (config.method) {
    case CacheMethod::none:
      break;
    case CacheMethod::taylor:
      if (config.granularity == Granularity::velocity) break;
      if (config.granularity == Granularity::module) {
        return std::make_unique<ModuleForecast>(ctx, keeper, tools, schedule);
      }
      return std::make_unique<TrunkForecast>(ctx, keeper, tools, schedule);
    case CacheMethod::first_block:
      return std::make_unique<FirstBlock>(ctx, keeper, tools);
    case CacheMethod::tea:
      return std::make_unique<ModulatedInput>(ctx, keeper, tools);
    case CacheMethod::easy:
      return std::make_unique<LatentChange>(ctx, keeper, tools);
  }
  return std::make_unique<WholeSteps>(tools);
}

ops::DecisionRule decision_rule(const CacheConfig& config) {
  using Value = ops::DecisionRule::Value;
  ops::DecisionRule rule;
  rule.value = config.method == CacheMethod::tea    ? Value::polynomial
               : config.method == CacheMethod::easy ? Value::transported
                                                    : Value::change;
  rule.accumulates = config.method != CacheMethod::first_block;
  rule.threshold = static_cast<float>(config.threshold);
  rule.max_consecutive = config.max_consecutive;
  rule.absolute = config.cann;
  rule.terms = static_cast<int>(config.coefficients.size());
  std::transform(
      config.coefficients.begin(), config.coefficients.end(), rule.coefficients, [](double c) {
        return static_cast<float>(c);
      });
  if (config.distance_range) {
    rule.least = static_cast<float>(config.distance_range->front());
    rule.most = static_cast<float>(config.distance_range->back());
  }
  return rule;
}

void WeightTable::set(std::size_t step, std::size_t newest, const std::vector<double>& weights) {
  for (std::size_t j = 0; j < weights.size(); ++j) {
    weights_[step * rows_ + (newest - j) % rows_] = static_cast<float>(weights[j]);
  }
}

Tensor WeightTable::upload(Context& ctx, std::string_view name) const {
  const auto columns = static_cast<std::int64_t>(rows_);
  const Tensor host = ctx.host().allocate(
      DType::f32, {static_cast<std::int64_t>(weights_.size()) / columns, columns}, name);
  std::copy(weights_.begin(), weights_.end(), host.f32_mut());
  return ops::to_device(ctx, host, DType::f32);
}

std::uint64_t cache_bytes(const CacheConfig& config, Solver solver, const CacheSizes& sizes) {
  const auto bytes_of = [&](DType automatic) -> std::uint64_t {
    if (sizes.activations == DType::f32) return size_of(DType::f32);
    switch (config.history) {
      case HistoryType::fp32:
        return size_of(DType::f32);
      case HistoryType::fp16:
      case HistoryType::bf16:
        return size_of(DType::f16);
      case HistoryType::automatic:
        break;
    }
    return size_of(automatic);
  };
  const auto velocity = static_cast<std::uint64_t>(sizes.latents * sizes.channels) * sizeof(float);
  const auto input = static_cast<std::uint64_t>(sizes.latents * sizes.width);
  const auto trunk = input * static_cast<std::uint64_t>(sizes.branches);
  const auto rows = static_cast<std::uint64_t>(config.order) + 1;
  const bool two = solver == Solver::ab2;
  switch (config.method) {
    case CacheMethod::none:
      return two ? 2 * velocity : 0;
    case CacheMethod::taylor:
      if (config.granularity == Granularity::velocity) {
        return std::max<std::uint64_t>(rows, two ? 2 : 1) * velocity;
      }
      return rows * trunk * bytes_of(sizes.activations) *
                 (config.granularity == Granularity::module
                      ? static_cast<std::uint64_t>(sizes.modules)
                      : 1) +
             (two ? 2 * velocity : 0);
    case CacheMethod::first_block:
      return trunk * (bytes_of(DType::f32) + sizeof(float)) + (two ? 2 * velocity : 0);
    case CacheMethod::tea:
      return trunk * bytes_of(DType::f32) + input * size_of(sizes.activations) +
             (two ? 2 * velocity : 0);
    case CacheMethod::easy:
      return (two ? 5 : 3) * velocity;
  }
  return 0;
}

}  // namespace sinter::sampling
