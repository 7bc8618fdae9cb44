#pragma once
// How much work each stage of a run is likely to be, so that the progress of a run moves evenly.

#include <vector>

#include "core/env.h"
#include "models/shape_model.h"
#include "pipeline/run_monitor.h"
#include "sampling/schedule.h"
#include "sinter/engine.h"

namespace sinter::pipeline {

/// Stages in the order in which image_to_shape() runs them, with their multiply-adds.
std::vector<PlannedStage> plan_stages(const models::ShapeModelConfig& config,
                                      const Switches& switches,
                                      const sampling::Schedule& schedule,
                                      bool guided,
                                      std::int64_t pictures,
                                      const GenerateOptions& options);

}  // namespace sinter::pipeline
