#include "sampling/cache_plan.h"

#include <algorithm>

#include "core/error.h"

namespace sinter::sampling {

namespace {

constexpr int kFewSteps = 8;

void check_steps(const CacheConfig& config, int steps) {
  const auto check = [&](const char* key, int value, int least, int most) {
    SINTER_CHECK(value >= least && value <= most,
                 ErrorCode::invalid_argument,
                 "[cache] E_STEPS /",
                 to_string(config.method),
                 "/",
                 key,
                 ": expected ",
                 least,
                 "..",
                 most,
                 " for ",
                 steps,
                 " steps, got ",
                 value,
                 " (",
                 config.file,
                 ")");
  };
  check("warmup", config.warmup, 0, steps);
  if (config.method == CacheMethod::taylor) {
    check("cutoff_steps", config.cutoff, 0, steps);
    check("skip_interval_steps", config.period, 1, steps);
  }
  if (config.schedule) {
    const int made_for = config.schedule_steps.value_or(steps);
    SINTER_CHECK(made_for == steps && config.schedule->back() < steps,
                 ErrorCode::invalid_argument,
                 "[cache] E_SCHEDULE /sinter/schedule: expected one for ",
                 steps,
                 " steps, got one for ",
                 std::max(made_for, config.schedule->back() + 1),
                 " (",
                 config.file,
                 ")");
    return;
  }
  SINTER_CHECK(steps > kFewSteps,
               ErrorCode::invalid_argument,
               "[cache] E_FEWSTEP steps: expected more than ",
               kFewSteps,
               " with ",
               to_string(config.method),
               ", or an explicit /sinter/schedule, got ",
               steps,
               " (",
               config.file,
               ")");
}

StepKind kind_of(const CacheConfig& config, int step, int steps) {
  if (config.method == CacheMethod::none || step == 0) return StepKind::computed;
  if (config.evaluations) {
    const int computed = std::min(*config.evaluations, steps);
    const bool next = step * computed / steps != (step - 1) * computed / steps;
    return next ? StepKind::computed : StepKind::predicted;
  }
  if (step < config.warmup || step >= steps - config.cutoff) return StepKind::computed;
  if (config.schedule) {
    const bool there = std::binary_search(config.schedule->begin(), config.schedule->end(), step);
    return there ? StepKind::computed : StepKind::predicted;
  }
  if (config.dynamic()) return StepKind::decided;
  const bool hit = (step - config.warmup) % config.period == 0;
  return hit ? StepKind::computed : StepKind::predicted;
}

}  // namespace

const char* to_string(StepKind kind) {
  switch (kind) {
    case StepKind::computed:
      return "computed";
    case StepKind::predicted:
      return "predicted";
    case StepKind::elided:
      return "elided";
    case StepKind::decided:
      return "decided";
  }
  return "?";
}

std::vector<StepKind> plan_steps(const CacheConfig& config, const Schedule& schedule) {
  const int steps = schedule.steps();
  if (config.method != CacheMethod::none && !config.evaluations) check_steps(config, steps);
  // The steps over which a number of evaluations is spread.
  const int spread =
      config.evaluations && config.elide_zero_steps ? schedule.without_zero_steps().steps() : steps;
  std::vector<StepKind> plan;
  for (int step = 0; step < steps; ++step) {
    const bool elided = config.elide_zero_steps && schedule.delta(step) == 0.0F;
    plan.push_back(elided ? StepKind::elided : kind_of(config, step, spread));
  }
  return plan;
}

std::vector<std::string> plan_warnings(const CacheConfig& config,
                                       const std::vector<StepKind>& plan) {
  const bool all = count(plan, StepKind::predicted) + count(plan, StepKind::decided) == 0;
  if (config.method == CacheMethod::none || config.evaluations || !all) return {};
  return {cat("W_NEVER steps: ", to_string(config.method), " leaves out none of ", plan.size())};
}

int count(const std::vector<StepKind>& plan, StepKind kind) {
  return static_cast<int>(std::count(plan.begin(), plan.end(), kind));
}

}  // namespace sinter::sampling
