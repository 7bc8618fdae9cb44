#include "api/cache_fit.h"

#include <cstdio>

#include "checkpoint/json_events.h"
#include "core/error.h"

namespace sinter {

namespace {

/// With all digits that a double has.
std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

template <class Values, class Format>
std::string list(const Values& values, Format format) {
  std::string text;
  for (const auto value : values) text += cat(text.empty() ? "" : ", ", format(value));
  return "[" + text + "]";
}

std::string calibration(const sampling::CacheCalibration& made) {
  return cat("    \"calibration\": {\"model\": ",
             checkpoint::json_quoted(made.model),
             ", \"steps\": ",
             made.steps,
             ", \"guidance\": ",
             number(made.guidance),
             ", \"solver\": ",
             checkpoint::json_quoted(made.solver),
             "}\n");
}

void fit_tea(std::span<const sampling::Trajectory> runs,
             const CacheFitOptions& options,
             const sampling::CacheCalibration& made,
             CacheFit& result) {
  SINTER_CHECK(!runs.front().input_changes.empty(),
               ErrorCode::unsupported,
               "[cache-fit] TeaCache: expected a model whose norms the time modulates (2.0)");
  const sampling::ChangePairs pairs = sampling::change_pairs(runs);
  const sampling::PolynomialFit fit = sampling::fit_polynomial(pairs.input, pairs.output);
  result.coefficients = fit.coefficients;
  result.r2 = fit.r2;
  result.rmse = fit.rmse;
  result.least = fit.least;
  result.most = fit.most;
  result.json = cat("{\n  \"cache_forward\": \"TeaCache\",\n  \"TeaCache\": {\n",
                    "    \"rel_l1_thresh\": ",
                    number(options.threshold),
                    ",\n    \"coefficients\": ",
                    list(fit.coefficients, number),
                    ",\n    \"warmup\": 2\n  },\n  \"sinter\": {\n    \"distance_range\": [",
                    number(fit.least),
                    ", ",
                    number(fit.most),
                    "],\n",
                    calibration(made),
                    "  }\n}\n");
}

void fit_schedule(std::span<const sampling::Trajectory> runs,
                  const CacheFitOptions& options,
                  const sampling::CacheCalibration& made,
                  CacheFit& result) {
  result.schedule = sampling::best_schedule(runs, options.computed, options.most_skipped);
  result.json = cat("{\n  \"cache_forward\": \"TaylorSeer\",\n  \"TaylorSeer\": {\n",
                    "    \"n_derivatives\": 1, \"skip_interval_steps\": 2, \"warmup\": 2, "
                    "\"cutoff_steps\": 0\n  },\n  \"sinter\": {\n    \"granularity\": \"",
                    options.velocity ? "velocity" : "trunk",
                    "\",\n    \"steps\": ",
                    made.steps,
                    ",\n    \"schedule\": ",
                    list(result.schedule, [](int step) { return std::to_string(step); }),
                    ",\n",
                    calibration(made),
                    "  }\n}\n");
}

}  // namespace

CacheFit make_cache_fit(std::span<const sampling::Trajectory> runs,
                        const CacheFitOptions& options,
                        const sampling::CacheCalibration& made) {
  CacheFit result;
  const bool tea = options.kind == CacheFitOptions::Kind::tea;
  (tea ? fit_tea : fit_schedule)(runs, options, made, result);
  // What is written can be read.
  sampling::parse_cache_config(result.json, "cache-fit");
  return result;
}

}  // namespace sinter
