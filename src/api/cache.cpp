#include "sinter/cache.h"

#include "core/check_range.h"
#include "sampling/cache_plan.h"
#include "sampling/cache_presets.h"

namespace sinter {

CachePlan plan_cache(const std::string& cache, int steps) {
  check_range("cache-plan", "steps", steps, 1, 1000);
  const sampling::CacheConfig config = sampling::find_cache(cache);
  using sampling::StepKind;
  const auto kinds = sampling::plan_steps(config, sampling::make_schedule({}, steps));
  CachePlan plan;
  plan.method = sampling::to_string(config.method);
  plan.warnings = config.warnings;
  for (std::string& line : sampling::plan_warnings(config, kinds)) plan.warnings.push_back(line);
  plan.computed = sampling::count(kinds, StepKind::computed);
  plan.predicted = sampling::count(kinds, StepKind::predicted);
  plan.elided = sampling::count(kinds, StepKind::elided);
  plan.decided = sampling::count(kinds, StepKind::decided);
  for (const StepKind kind : kinds) plan.kinds.emplace_back(sampling::to_string(kind));
  return plan;
}

}  // namespace sinter
