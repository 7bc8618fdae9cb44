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

/// What Engine::fit_cache() is to make.
struct CacheFitOptions {
  enum class Kind {
    tea,       ///< TeaCache's polynomial, and a threshold
    schedule,  ///< the steps that TaylorSeer should compute
  };
  Kind kind = Kind::schedule;
  int computed = 20;       ///< schedule: steps to compute, at least 2
  int most_skipped = 9;    ///< schedule: most steps left out in a row
  bool velocity = false;   ///< schedule: forecasts of velocities, not of the trunk
  double threshold = 0.1;  ///< tea: what is written as the threshold
};

struct CacheFit {
  std::string json;                  ///< a cache_config.json that names what it was made from
  std::vector<double> coefficients;  ///< tea: highest power first
  double r2 = 0, rmse = 0;           ///< tea: of the fit
  double least = 0, most = 0;        ///< tea: range of the distances
  std::vector<int> schedule;         ///< schedule: the computed steps
};

}  // namespace sinter
