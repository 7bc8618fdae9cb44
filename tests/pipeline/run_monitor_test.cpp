#include "pipeline/run_monitor.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/error.h"

namespace sinter::pipeline {
namespace {

const std::vector<PlannedStage> kPlan = {{"first", 1}, {"second", 3}};

TEST(RunMonitor, TotalCountsWorkAndNeverFalls) {
  Metrics metrics;
  std::vector<Progress> seen;
  const ProgressCallback record = [&](const Progress& now) {
    seen.push_back(now);
    return true;
  };
  {
    RunMonitor monitor(kPlan, record, metrics);
    monitor.begin("first");
    monitor.advance(0.5);
    monitor.begin("second");
    monitor.advance(1.0 / 3);
    monitor.finish();
  }
  const std::vector<double> totals = {0, 0.125, 0.25, 0.25, 0.5, 1};
  ASSERT_EQ(seen.size(), totals.size());
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_DOUBLE_EQ(seen[i].total, totals[i]) << i;
  EXPECT_STREQ(seen[2].stage, "first");
  EXPECT_EQ(seen[2].stage_fraction, 1);
  ASSERT_EQ(metrics.stages.size(), 2u);
  EXPECT_EQ(metrics.stages[1].stage, "second");
  EXPECT_GE(metrics.seconds, metrics.stages[0].seconds + metrics.stages[1].seconds);
  EXPECT_GT(metrics.peak_memory_bytes, 0u);
}

TEST(RunMonitor, CancelRaisesAndKeepsWhatWasReached) {
  Metrics metrics;
  const ProgressCallback stop_at_half = [](const Progress& now) {
    return now.stage_fraction < 0.5;
  };
  try {
    RunMonitor monitor(kPlan, stop_at_half, metrics);
    monitor.begin("first");
    monitor.advance(0.25);
    monitor.advance(0.5);
    FAIL() << "not cancelled";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::cancelled);
  }
  ASSERT_EQ(metrics.stages.size(), 1u);
  EXPECT_EQ(metrics.stages[0].stage, "first");
}

TEST(RunMonitor, PollRepeatsTheFractionNowAndThenAndCancels) {
  Metrics metrics;
  std::vector<double> fractions;
  bool go_on = true;
  const ProgressCallback record = [&](const Progress& now) {
    fractions.push_back(now.stage_fraction);
    return go_on;
  };
  RunMonitor monitor(kPlan, record, metrics);
  monitor.poll();  // before the first stage there is nothing to tell
  EXPECT_TRUE(fractions.empty());
  monitor.begin("first");
  monitor.advance(0.25);
  fractions.clear();
  // Polled for as long as it takes to be heard once: by the interval, within 20 ms.
  while (fractions.empty()) monitor.poll();
  EXPECT_EQ(fractions, std::vector<double>{0.25});
  go_on = false;
  EXPECT_THROW(for (;;) monitor.poll(), Error);
}

TEST(RunMonitor, StagesOutOfOrderAreADefect) {
  Metrics metrics;
  RunMonitor monitor(kPlan, {}, metrics);
  EXPECT_THROW(monitor.begin("second"), Error);
}

}  // namespace
}  // namespace sinter::pipeline
