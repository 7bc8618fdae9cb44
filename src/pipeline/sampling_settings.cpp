#include "pipeline/sampling_settings.h"

namespace sinter::pipeline {

SamplingSettings default_settings(sampling::SchedulerConfig::Kind scheduler, bool guidance_embed) {
  constexpr double kGuidance = 5.0;
  constexpr int kStepDistilled = 5, kGuidanceDistilled = 30, kUndistilled = 50;
  const bool consistency = scheduler == sampling::SchedulerConfig::Kind::consistency;
  return {.steps = consistency      ? kStepDistilled
                   : guidance_embed ? kGuidanceDistilled
                                    : kUndistilled,
          .guidance = kGuidance,
          .guided = !guidance_embed};
}

SamplingSettings sampling_settings(const models::ShapeModel& model,
                                   const GenerateOptions& options) {
  const checkpoint::ConfigNode& document = model.document();
  const auto scheduler = sampling::SchedulerConfig::from(document.child("scheduler"));
  const bool embedded = model.config().guidance_embed();
  SamplingSettings settings = default_settings(scheduler.kind, embedded);
  settings.steps = options.steps.value_or(settings.steps);
  settings.guidance = options.guidance.value_or(settings.guidance);
  if (scheduler.kind == sampling::SchedulerConfig::Kind::consistency) {
    SINTER_CHECK(settings.steps <= scheduler.pcm_timesteps,
                 ErrorCode::invalid_argument,
                 "[generate] steps: expected 1..",
                 scheduler.pcm_timesteps,
                 ", the entries of this model's consistency schedule, got ",
                 settings.steps,
                 " (",
                 document.file(),
                 ")");
  }
  SINTER_CHECK(!embedded || (settings.guidance >= 0 && settings.guidance <= kMaxEmbeddedGuidance),
               ErrorCode::invalid_argument,
               "[generate] guidance: expected 0..",
               kMaxEmbeddedGuidance,
               " for a model that takes the scale as an input, got ",
               settings.guidance,
               " (",
               document.file(),
               ")");
  settings.guided = !embedded && settings.guidance >= 0;
  return settings;
}

void check_cache(const sampling::CacheConfig& cache,
                 sampling::Solver solver,
                 const models::ShapeModel& model,
                 const SamplingSettings& settings) {
  SINTER_CHECK(cache.method != sampling::CacheMethod::tea ||
                   std::holds_alternative<models::Hunyuan3DDitConfig>(model.config().dit),
               ErrorCode::unsupported,
               "[cache] TeaCache: expected a model whose norms the time modulates (2.0), got 2.1 (",
               cache.file,
               ")");
  SINTER_CHECK(
      cache.method != sampling::CacheMethod::taylor ||
          cache.granularity != sampling::Granularity::module ||
          std::holds_alternative<models::Hunyuan3DDitConfig>(model.config().dit),
      ErrorCode::unsupported,
      "[cache] E_UNSUPPORTED /sinter/granularity: expected trunk or velocity with 2.1, whose "
      "blocks have no gates, got module (",
      cache.file,
      ")");
  if (!cache.calibration) return;
  const sampling::CacheCalibration& made = *cache.calibration;
  std::string differences;
  const auto compare = [&](const char* what, const auto& expected, const auto& got) {
    if (expected == got) return;
    differences += cat(differences.empty() ? "" : ", ", what, " ", expected, " where it is ", got);
  };
  compare("steps", made.steps, settings.steps);
  compare("guidance", made.guidance, settings.guidance);
  compare("solver", made.solver, std::string(sampling::to_string(solver)));
  SINTER_CHECK(differences.empty(),
               ErrorCode::invalid_argument,
               "[cache] E_PROFILE /sinter/calibration: made for another run: ",
               differences,
               " (",
               cache.file,
               ")");
}

}  // namespace sinter::pipeline
