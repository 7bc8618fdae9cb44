#include "pipeline/work_estimate.h"

#include <gtest/gtest.h>

#include <string>

#include "models/golden.h"

namespace sinter::pipeline {
namespace {

/// Multiply-adds, in units of 1e12, of the stage "sample" over 50 steps, of which the last is
/// skipped.
double sampling_work(const std::string& text, bool guided, const Switches& switches = {}) {
  const auto document = checkpoint::ConfigNode::parse(text, "config.yaml");
  const auto config = models::ShapeModelConfig::from(document);
  const auto schedule =
      sampling::make_schedule(sampling::SchedulerConfig::from(document.child("scheduler")), 50)
          .without_zero_steps();
  for (const PlannedStage& stage : plan_stages(config, switches, schedule, guided, 1, {})) {
    if (std::string(stage.name) == "sample") return stage.work / 1e12;
  }
  return 0;
}

// The published sizes, counted by hand: a step of base is 9.25 TFLOP, 5.57 on one condition token;
// of 2.1 17.95 (with the condition's keys and values there already), 15.54 without cross-attention.
// The estimate leaves out norms and the products at both ends, below 1 %.
TEST(WorkEstimate, CountsTheReleasedTransformers) {
  const std::string base = models::released_config("hunyuan3d-dit-v2-0"),
                    v2_1 = models::released_config("hunyuan3d-dit-v2-1");
  const auto expect = [](double work, double tflop) {
    EXPECT_NEAR(work, 49 * tflop / 2, 0.01 * work);
  };
  expect(sampling_work(base, true), 9.251 + 5.570);
  expect(sampling_work(base, false), 9.251);
  expect(sampling_work(v2_1, true), 17.95 + 15.54);
  expect(sampling_work(v2_1, false), 17.95);
  Switches plain;
  plain.skip_zero_context = plain.collapse_unconditional = false;
  expect(sampling_work(base, true, plain), 2 * 9.251);
  expect(sampling_work(v2_1, true, plain), 2 * 17.95);
}

}  // namespace
}  // namespace sinter::pipeline
