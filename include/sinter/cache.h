#pragma once
/// \file
/// Which steps of a run a cache configuration leaves out. docs/cache.md has the methods, the file
/// and its keys.

#include <string>
#include <vector>

namespace sinter {

struct CachePlan {
  std::string method;              ///< "NoCache", "FBCache", "TeaCache", "EasyCache", "TaylorSeer"
  std::vector<std::string> kinds;  ///< of each step: "computed", "predicted", "elided" (of size
                                   ///< zero), or "decided" while the run goes on
  int computed = 0, predicted = 0, elided = 0, decided = 0;
  std::vector<std::string> warnings;  ///< "W_LADDER /TaylorSeer/warmup: ..."
};

/// \param cache the path of a `cache_config.json`, or a preset: "off", "safe", "fast", "max".
/// \param steps of the sampler, 1..1000, on the time grid of the released flow-match models.
/// Raises ErrorCode::invalid_argument with everything that is wrong with the configuration, or with
/// it and so many steps.
CachePlan plan_cache(const std::string& cache, int steps);

}  // namespace sinter
