// bench_cache MODEL PICTURE STEPS RUNS CACHE...: what a run of the sampler takes with each
// configuration, in one process and so with one set of weights, as rows of a Markdown table. MODEL
// is a folder, or a released variant such as "base", whose weights are then random. CACHE is what
// --cache takes.
//
// Of RUNS timed runs, which follow one that is not, the table has the least and the median: other
// work on the machine only ever adds.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "sinter/benchmark.h"
#include "sinter/engine.h"
#include "sinter/error.h"

namespace {

using namespace sinter;

double sampling_ms(const Metrics& metrics) {
  for (const StageTime& stage : metrics.stages) {
    if (stage.stage == "sample") return 1e3 * stage.seconds;
  }
  return 0;
}

void measure(Engine& engine, const std::string& picture, GenerateOptions options, int runs) {
  std::vector<double> times;
  Metrics metrics;
  for (int run = 0; run <= runs; ++run) {
    engine.generate(picture, options, {}, &metrics);
    if (run > 0) times.push_back(sampling_ms(metrics));
  }
  std::sort(times.begin(), times.end());
  std::printf("| %s | %s | %lld | %lld | %.2f | %.2f | %.1f | %.1f |\n",
              std::filesystem::path(options.cache).stem().c_str(),
              metrics.cache_method.c_str(),
              static_cast<long long>(metrics.steps_computed),
              static_cast<long long>(metrics.steps_predicted),
              times.front(),
              times[times.size() / 2],
              1e-6 * static_cast<double>(metrics.cache_bytes),
              1e-6 * static_cast<double>(metrics.cache_offloaded_bytes));
  std::fflush(stdout);
}

int run(int count, char** arguments) {
  if (count < 6) {
    std::fprintf(stderr, "usage: bench_cache MODEL PICTURE STEPS RUNS CACHE...\n");
    return 2;
  }
  const std::string model = arguments[1], picture = arguments[2];
  EngineOptions engine_options;
  const std::vector<std::string> variants = released_variants();
  engine_options.random_weights = std::count(variants.begin(), variants.end(), model) > 0;
  engine_options.keep_weights = true;
  Engine engine(model, engine_options);
  GenerateOptions options;
  options.steps = std::atoi(arguments[3]);
  options.octree = 16;
  std::printf("%s, %d steps\n\n", model.c_str(), *options.steps);
  std::printf(
      "| configuration | method | computed | predicted | least ms | median ms | holds MB | on the "
      "host MB |\n");
  std::printf("|---|---|---|---|---|---|---|---|\n");
  for (int i = 5; i < count; ++i) {
    options.cache = arguments[i];
    try {
      measure(engine, picture, options, std::max(1, std::atoi(arguments[4])));
    } catch (const Error& error) {
      std::printf("| %s | %s |\n", arguments[i], error.what());
    }
  }
  std::printf("\n");
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_cache: %s\n", error.what());
    return 1;
  }
}
