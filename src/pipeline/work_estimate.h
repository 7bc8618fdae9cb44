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

/// A run as its work depends on it.
struct RunSizes {
  const models::ShapeModel& model;
  const Switches& switches;
  bool guided = true;
  std::int64_t pictures = 1;
  Decode decode = Decode::hierarchical;
  std::size_t bytes_per_weight = 4;  ///< in the type that is computed with
};

/// Sets StageTime::flop and bytes of the networks' stages of a finished run: exact but for norms,
/// the products at both ends of the networks (together below 1 %) and FlashVDM's choice of keys.
void note_work(const RunSizes& run, Metrics& metrics);

}  // namespace sinter::pipeline
