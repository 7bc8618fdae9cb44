#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "ops/elementwise.h"
#include "ops/history.h"
#include "ops/transfer.h"
#include "sampling/forecast.h"
#include "sampling/step_cache.h"

namespace sinter::sampling {

namespace {

/// A velocity that is not finite leaves its mark: no later sum is finite again.
void check_finite(Context& ctx, int step, const Tensor& latents) {
  ArenaScope scope(ctx.host().arena());
  const std::span<const float> values = ops::to_host(ctx, latents).span();
  SINTER_CHECK(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }),
               ErrorCode::corrupt,
               "[sample] step ",
               step,
               ": expected finite values from the network, got NaN or infinity (model weights)");
}

/// f32 [steps, 1], a row for each value, in the context's arena.
Tensor column(Context& ctx, const std::vector<float>& values, std::string_view name) {
  const Tensor table =
      ctx.host().allocate(DType::f32, {static_cast<std::int64_t>(values.size()), 1}, name);
  std::copy(values.begin(), values.end(), table.f32_mut());
  return ops::to_device(ctx, table, DType::f32);
}

/// The latents' way from a velocity to the next step: Euler's, or a weighted sum of velocities that
/// were kept, which is what a multistep solver and a forecast of velocities both are.
class Update {
 public:
  Update(Context& ctx,
         Keeper& keeper,
         const Schedule& schedule,
         const SamplerOptions& options,
         const Tensor& latents,
         bool forecasts)
      : latents_(latents) {
    std::vector<float> sizes;
    for (int i = 0; i < schedule.steps(); ++i) sizes.push_back(schedule.delta(i));
    sizes_ = column(ctx, sizes, "step sizes");
    const bool two = options.solver == Solver::ab2;
    if (!forecasts && !two) return;
    const int order = std::max(forecasts ? options.cache.order : 0, two ? 1 : 0);
    const auto rows = static_cast<std::size_t>(order) + 1;
    const auto count = static_cast<std::int64_t>(rows);
    kept_ = keeper.keep(DType::f32, {count, latents.dim(0), latents.dim(1)}, "velocities");
    if (ctx.accelerator()) cell_ = ops::step_number(ctx);
    weights_ = make_weights(schedule, options, forecasts, order).upload(ctx, "solver");
  }

  /// `fresh`: velocity is one of this step; otherwise it is filled from those that were kept.
  void apply(Context& ctx, const ops::Step& step, const Tensor& velocity, bool fresh) {
    ArenaScope scope(ctx.arena());
    if (kept_.defined()) {
      if (fresh) {
        const ops::Step place(taken_++, cell_);
        ops::store_row(ctx, kept_, place, velocity);
        ops::advance(ctx, place);
      }
      ops::weighted_rows(ctx, kept_, ops::select_row(ctx, weights_, step), velocity);
    }
    ops::add_scaled_in_place(ctx, latents_, ops::select_row(ctx, sizes_, step), velocity);
  }

 private:
  static WeightTable make_weights(const Schedule& schedule,
                                  const SamplerOptions& options,
                                  bool forecasts,
                                  int order) {
    const CacheConfig& cache = options.cache;
    const bool two = options.solver == Solver::ab2;
    WeightTable table(static_cast<std::size_t>(schedule.steps()),
                      static_cast<std::size_t>(order) + 1);
    std::vector<double> steps, sigmas;  // of the velocities that were kept, newest first
    for (std::size_t step = 0; step < static_cast<std::size_t>(schedule.steps()); ++step) {
      const bool fresh = !forecasts || options.plan[step] == StepKind::computed;
      const double begin = schedule.sigmas[step], end = schedule.sigmas[step + 1];
      if (fresh) {
        steps.insert(steps.begin(), static_cast<double>(step));
        sigmas.insert(sigmas.begin(), begin);
      }
      std::vector<double> weights = {1.0};
      if (two && end > begin) {
        const Basis basis = fresh ? Basis::newton : cache.basis;
        weights = mean_weights(basis, fresh ? 1 : order, sigmas, begin, end);
      } else if (!fresh) {
        const bool by_step = cache.abscissa == Abscissa::step;
        weights = forecast_weights(cache.basis,
                                   order,
                                   by_step ? steps : sigmas,
                                   by_step ? static_cast<double>(step) : begin);
      }
      table.set(step, steps.size() - 1, weights);
    }
    return table;
  }

  Tensor latents_;
  Tensor sizes_;    // f32 [steps, 1]
  Tensor kept_;     // f32 [order + 1, L, C]; undefined for plain Euler
  Tensor weights_;  // f32 [steps, order + 1]
  Tensor cell_;     // where a device counts what was kept
  std::int64_t taken_ = 0;
};

/// Work that is queued once, recorded, and replayed from then on.
class Segment {
 public:
  template <class Work>
  void run(Accelerator* recorder, const Work& work) {
    if (recording_) return recording_->replay();
    work();
    // The device is busy with it while the host records.
    if (recorder != nullptr) recording_ = recorder->record(work);
  }

 private:
  std::unique_ptr<Recording> recording_;
};

/// One run.
class Loop {
 public:
  Loop(Context& ctx,
       const Schedule& schedule,
       const SamplerOptions& options,
       const Tensor& latents,
       const Network& network,
       const ObserveFn& observe)
      : ctx_(ctx),
        options_(options),
        total_(schedule.steps()),
        observe_(observe),
        keeper_(ctx, options.cache.offload),
        tools_{network, options_, latents, {}, {}} {
    const Shape shape{options.guided ? 2 : 1, latents.dim(0), latents.dim(1)};
    tools_.halves = ctx.allocate(DType::f32, shape, "velocity");
    tools_.velocity = tools_.halves.slice(shape[0] - 1, shape[0]).reshape(latents.shape);
    cache_ = make_step_cache(ctx, keeper_, tools_, schedule);
    const bool forecasts = options_.cache.method == CacheMethod::taylor &&
                           options_.cache.granularity == Granularity::velocity;
    update_.emplace(ctx, keeper_, schedule, options_, latents, forecasts);
    Accelerator* const device = ctx.accelerator().get();
    const bool record = device != nullptr && options.recordable && total_ > 1 && !observe;
    recorder_ = record ? device : nullptr;
    if (device != nullptr) number_ = ops::step_number(ctx);
    if (options_.cache.dynamic()) prepare_decisions();
  }

  void take(int number) {
    const ops::Step step(number, number_);
    if (options_.cache.dynamic()) return take_dynamic(step);
    if (observe_) return take_observed(step);
    const bool computed = options_.plan[static_cast<std::size_t>(number)] == StepKind::computed;
    (computed ? computed_ : reused_).run(recorder_, [&] {
      computed ? compute(step) : reuse(step);
    });
  }

  SamplerReport report() {
    SamplerReport result;
    result.cache_bytes = keeper_.bytes();
    result.offloaded_bytes = keeper_.offloaded_bytes();
    ArenaScope scope(ctx_.host().arena());
    const Tensor records = records_.defined() ? ops::to_host(ctx_, records_) : Tensor{};
    for (int step = 0; step < total_; ++step) {
      StepRecord& record = result.steps.emplace_back();
      record.kind = options_.plan[static_cast<std::size_t>(step)];
      if (records.defined()) {
        const float* row = records.f32() + std::int64_t{step} * ops::kRecordCells;
        record = {.kind = row[ops::kComputed] != 0.0F ? StepKind::computed : StepKind::predicted,
                  .value = row[ops::kValue],
                  .total = row[ops::kTotal]};
        result.anomalies += row[ops::kAnomaly] != 0.0F ? 1 : 0;
      }
      ++(record.kind == StepKind::computed ? result.computed : result.predicted);
    }
    return result;
  }

 private:
  void prepare_decisions() {
    rule_ = decision_rule(options_.cache);
    std::vector<float> forced;
    for (const StepKind kind : options_.plan) forced.push_back(kind == StepKind::computed ? 1 : 0);
    forced_ = column(ctx_, forced, "forced steps");
    tensors_.sums = ctx_.allocate(DType::f32, {6}, "sums");
    tensors_.state = ctx_.allocate(DType::f32, {ops::kDecisionCells}, "decision state");
    tensors_.record = ctx_.allocate(DType::f32, {ops::kRecordCells}, "decision");
    tensors_.flag = ctx_.allocate(DType::i32, {1}, "flag");
    ops::set_zero(ctx_, tensors_.sums);
    ops::set_zero(ctx_, tensors_.state);
    records_ = ctx_.allocate(DType::f32, {total_, ops::kRecordCells}, "decisions");
  }

  // The parts of a step.
  void compute(const ops::Step& step) {
    cache_->compute(ctx_, step, tensors_.sums);
    finish(step, true);
  }
  void reuse(const ops::Step& step) {
    cache_->reuse(ctx_, step);
    finish(step, cache_->reuse_gives_velocity());
  }
  void finish(const ops::Step& step, bool fresh) {
    update_->apply(ctx_, step, tools_.velocity, fresh);
    ops::advance(ctx_, step);
  }
  void decide(const ops::Step& step) {
    cache_->begin(ctx_, step, tensors_.sums);
    ArenaScope scope(ctx_.arena());
    ops::DecisionTensors tensors = tensors_;
    tensors.forced = ops::select_row(ctx_, forced_, step);
    ops::decide(ctx_, rule_, tensors);
    ops::store_row(ctx_, records_, step, tensors.record);
  }

  void take_dynamic(const ops::Step& step) {
    const auto compute_step = [&] { compute(step); };
    const auto reuse_step = [&] { reuse(step); };
    if (options_.cache.decision != DecisionPlace::host || recorder_ == nullptr) {
      computed_.run(recorder_, [&] {
        decide(step);
        ops::branch(ctx_, tensors_.flag, compute_step, reuse_step);
      });
      return;
    }
    // The host waits for the flag and chooses what is replayed.
    decided_.run(recorder_, [&] { decide(step); });
    ops::branch(
        ctx_,
        tensors_.flag,
        [&] { computed_.run(recorder_, compute_step); },
        [&] { reused_.run(recorder_, reuse_step); });
  }

  void take_observed(const ops::Step& step) {
    ArenaScope scope(ctx_.arena());
    Tensor modulated;
    const auto& parts = tools_.network.parts;
    if (parts && parts->has_modulated_input()) {
      parts->prepare(ctx_, tools_.latents.dim(0));
      modulated = ctx_.activation({tools_.latents.dim(0), parts->trunk().front().dim(1)}, "input");
      parts->embed(ctx_, step, tools_.latents);
      parts->modulated_input(ctx_, step, modulated);
    }
    cache_->compute(ctx_, step, tensors_.sums);
    observe_(ctx_, static_cast<int>(step.number), tools_.velocity, modulated);
    finish(step, true);
  }

  Context& ctx_;
  SamplerOptions options_;
  int total_;
  const ObserveFn& observe_;
  Keeper keeper_;
  StepTools tools_;
  std::unique_ptr<StepCache> cache_;
  std::optional<Update> update_;
  Accelerator* recorder_ = nullptr;
  Tensor number_;  // where a device counts steps
  // Dynamic methods.
  ops::DecisionRule rule_;
  ops::DecisionTensors tensors_;
  Tensor forced_, records_;  // f32 [steps, 1], f32 [steps, kRecordCells]
  Segment decided_, computed_, reused_;
};

}  // namespace

const char* to_string(Solver solver) {
  return solver == Solver::euler ? "euler" : "ab2";
}

SamplerReport sample(Context& ctx,
                     const Schedule& schedule,
                     const SamplerOptions& options,
                     const Tensor& latents,
                     const Network& network,
                     const ProgressFn& progress,
                     const ObserveFn& observe) {
  SINTER_CHECK(latents.shape.rank() == 2,
               ErrorCode::invalid_argument,
               "[sample] latents: expected [tokens, channels], got ",
               latents.shape);
  const int total = schedule.steps();
  SamplerOptions planned = options;
  if (planned.plan.empty()) {
    planned.plan.assign(static_cast<std::size_t>(total), StepKind::computed);
  }
  SINTER_CHECK(planned.plan.size() == static_cast<std::size_t>(total) &&
                   planned.plan.front() == StepKind::computed,
               ErrorCode::invalid_argument,
               "[sample] plan: expected ",
               total,
               " steps, the first computed, got ",
               planned.plan.size());
  ArenaScope scope(ctx.arena()), host_scope(ctx.host().arena());
  Loop loop(ctx, schedule, planned, latents, network, observe);
  Accelerator* const device = ctx.accelerator().get();
  for (int step = 0; step < total; ++step) {
    ctx.check_cancelled();
    loop.take(step);
    // Waiting for a device's values in every step would leave it idle between them.
    if (device == nullptr || step + 1 == total) check_finite(ctx, step, latents);
    if (device != nullptr) device->pace();
    if (progress) progress(step + 1, total);
  }
  return loop.report();
}

}  // namespace sinter::sampling
