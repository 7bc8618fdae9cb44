#pragma once
/// \file
/// Times whole runs of a model, stage by stage, on a picture that is made up.
///
///     sinter::Engine engine("base", {.keep_weights = true, .random_weights = true});
///     const sinter::ShapeBenchmark figures = sinter::benchmark_shape(engine, {}, {});

#include <functional>
#include <string>
#include <vector>

#include "sinter/engine.h"

namespace sinter {

struct BenchmarkOptions {
  int runs = 5;   ///< runs that are timed, at least 1
  int views = 1;  ///< pictures given, 1..4; more than one for models of several views
  /// Runs before that are not: they load weights, fill caches and choose algorithms.
  int warm_ups = 1;
};

/// Seconds of one stage over the timed runs.
struct StageFigures {
  std::string stage;
  double median = 0, least = 0, most = 0;
  double flop = 0, bytes = 0;  ///< of the last run; see StageTime
};

struct ShapeBenchmark {
  std::vector<StageFigures> stages;  ///< in the order in which they run
  StageFigures whole;                ///< of the whole run, picture to mesh
  double warm_up_seconds = 0;        ///< the first run, loading of weights included
  Metrics metrics;                   ///< of the last run
  Ceilings ceilings;                 ///< measured after the runs
};

/// \param engine one that keeps its weights; otherwise stages include their loading.
/// Raises ErrorCode::invalid_argument for counts out of range, and what Engine::generate() raises.
ShapeBenchmark benchmark_shape(Engine& engine,
                               const GenerateOptions& options,
                               const BenchmarkOptions& benchmark,
                               const ProgressCallback& progress = {});

/// The names of the variants that EngineOptions::random_weights knows.
std::vector<std::string> released_variants();

}  // namespace sinter
