#pragma once
// How many steps a run takes and how strictly it follows the picture: the caller's choice, or else
// what the model was made for.

#include "models/shape_model.h"
#include "sampling/sampler.h"
#include "sampling/schedule.h"
#include "sinter/engine.h"

namespace sinter::pipeline {

struct SamplingSettings {
  int steps = 0;
  double guidance = 0;
  /// True: classifier-free guidance, the network runs with and without the condition. False where
  /// guidance is negative, and for models that take the scale as an input.
  bool guided = false;
};

/// Largest scale for a model that takes it as an input: the reference multiplies it by 1000 in
/// fp16, so no such model has seen more.
inline constexpr double kMaxEmbeddedGuidance = 65.0;

/// What the reference's own programs use, told by facts of the configuration and never by a name:
/// 5 steps with the consistency scheduler (step-distilled), 30 for other models that take the
/// guidance scale as an input (guidance-distilled), 50 for the rest; guidance 5 for all.
/// Source: examples/ and gradio_app.py; minimal_demo.py of February 2025 for the 30.
SamplingSettings default_settings(sampling::SchedulerConfig::Kind scheduler, bool guidance_embed);

/// Fills what `options` leave open and checks the rest. Raises ErrorCode::invalid_argument, naming
/// option, range, value and configuration, for more steps than the scheduler has and for a
/// guidance that a model with a guidance embedder cannot take (it has no unconditional branch).
SamplingSettings sampling_settings(const models::ShapeModel& model, const GenerateOptions& options);

/// Raises ErrorCode::unsupported for a cache that this model cannot use (TeaCache without modulated
/// norms), and ErrorCode::invalid_argument (E_PROFILE), naming all that differs, for a fit or a
/// schedule that was made for other steps, guidance or solver.
void check_cache(const sampling::CacheConfig& cache,
                 sampling::Solver solver,
                 const models::ShapeModel& model,
                 const SamplingSettings& settings);

}  // namespace sinter::pipeline
