#include "sampling/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/error.h"

namespace sinter::sampling {
namespace {

SchedulerConfig parse(const std::string& text) {
  return SchedulerConfig::from(
      checkpoint::ConfigNode::parse(text, "config.yaml").child("scheduler"));
}

SchedulerConfig consistency(int table = 100) {
  SchedulerConfig config;
  config.kind = SchedulerConfig::Kind::consistency;
  config.pcm_timesteps = table;
  return config;
}

TEST(FlowMatch, FiftyStepsAreLinearAndTheLastHasSizeZero) {
  const Schedule schedule = make_schedule({}, 50);
  ASSERT_EQ(schedule.steps(), 50);
  ASSERT_EQ(schedule.times().size(), 50U);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(schedule.sigmas[static_cast<std::size_t>(i)], static_cast<float>(i * (1.0 / 49)));
  }
  EXPECT_EQ(schedule.sigmas[0], 0.0F);
  EXPECT_EQ(schedule.sigmas[49], 1.0F);
  EXPECT_EQ(schedule.sigmas[50], 1.0F);
  EXPECT_EQ(schedule.delta(49), 0.0F);
  for (int i = 0; i < 49; ++i) EXPECT_NEAR(schedule.delta(i), 1.0 / 49, 6e-8);
}

TEST(FlowMatch, OneStepGoesAllTheWay) {
  const Schedule schedule = make_schedule({}, 1);
  EXPECT_EQ(schedule.sigmas, (std::vector<float>{0.0F, 1.0F}));
}

TEST(FlowMatch, ShiftBendsTheGrid) {
  SchedulerConfig config;
  config.shift = 3.0;
  const Schedule schedule = make_schedule(config, 5);
  const std::vector<double> expected = {0.0, 0.75 / 1.5, 1.5 / 2.0, 2.25 / 2.5, 1.0, 1.0};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_FLOAT_EQ(schedule.sigmas[i], static_cast<float>(expected[i]));
  }
}

TEST(Consistency, Tables) {
  const std::vector<std::vector<double>> tables = {
      {0, 0.199199, 0.399399, 0.599600, 0.799800},
      {0, 0.119119, 0.249249, 0.369369, 0.499499, 0.619620, 0.749750, 0.869870},
      {0,
       0.099099,
       0.199199,
       0.299299,
       0.399399,
       0.499500,
       0.599600,
       0.699700,
       0.799800,
       0.899900}};
  for (const std::vector<double>& table : tables) {
    const Schedule schedule = make_schedule(consistency(), static_cast<int>(table.size()));
    ASSERT_EQ(schedule.sigmas.size(), table.size() + 1);
    // The tables are printed with six digits, the last truncated in places.
    for (std::size_t k = 0; k < table.size(); ++k) {
      EXPECT_NEAR(schedule.sigmas[k], table[k], 1.01e-6) << table.size() << " steps, entry " << k;
    }
    EXPECT_EQ(schedule.sigmas.back(), 1.0F);
    EXPECT_GT(schedule.delta(schedule.steps() - 1), 0.0F);
  }
}

TEST(Consistency, EveryStepCountIsStrictlyIncreasing) {
  for (int steps = 1; steps <= 100; ++steps) {
    const Schedule schedule = make_schedule(consistency(), steps);
    for (int i = 0; i < steps; ++i) EXPECT_GT(schedule.delta(i), 0.0F) << steps << ", " << i;
  }
  EXPECT_THROW(make_schedule(consistency(), 101), Error);
}

TEST(Schedule, RefusesStepCountsOutOfRange) {
  for (const int steps : {-1, 0, 1001}) EXPECT_THROW(make_schedule({}, steps), Error);
  EXPECT_THROW(make_schedule(consistency(50), 51), Error);
}

TEST(SchedulerConfig, ReadsBothClasses) {
  const SchedulerConfig euler = parse(
      "scheduler:\n"
      "  target: hy3dgen.shapegen.schedulers.FlowMatchEulerDiscreteScheduler\n"
      "  params: {num_train_timesteps: 1000, shift: 2.5}\n");
  EXPECT_EQ(euler.kind, SchedulerConfig::Kind::flow_match_euler);
  EXPECT_DOUBLE_EQ(euler.shift, 2.5);
  const SchedulerConfig turbo = parse(
      "scheduler:\n"
      "  target: hy3dshape.schedulers.ConsistencyFlowMatchEulerDiscreteScheduler\n"
      "  params: {num_train_timesteps: 1000, pcm_timesteps: 100}\n");
  EXPECT_EQ(turbo.kind, SchedulerConfig::Kind::consistency);
  EXPECT_EQ(turbo.pcm_timesteps, 100);
  const SchedulerConfig bare =
      parse("scheduler: {target: a.ConsistencyFlowMatchEulerDiscreteScheduler}\n");
  EXPECT_EQ(bare.num_train_timesteps, 1000);
  EXPECT_EQ(bare.pcm_timesteps, 50);
}

void expect_error(const std::string& text, ErrorCode code, const std::string& part) {
  try {
    parse(text);
    FAIL() << "accepted: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(error.message().find(part), std::string::npos) << error.what();
  }
}

TEST(SchedulerConfig, RefusesWhatItCannotDo) {
  const std::string euler = "scheduler:\n  target: a.FlowMatchEulerDiscreteScheduler\n  params: ";
  const std::string turbo =
      "scheduler:\n  target: a.ConsistencyFlowMatchEulerDiscreteScheduler\n  params: ";
  expect_error("scheduler: {target: a.DDIMScheduler}\n", ErrorCode::unsupported, "DDIMScheduler");
  expect_error(
      euler + "{use_dynamic_shifting: true}\n", ErrorCode::unsupported, "use_dynamic_shifting");
  expect_error(euler + "{shift: 0}\n", ErrorCode::corrupt, "shift");
  expect_error(euler + "{shift: -1.5}\n", ErrorCode::corrupt, "shift");
  expect_error(euler + "{num_train_timesteps: 1}\n", ErrorCode::corrupt, "num_train_timesteps");
  expect_error(turbo + "{pcm_timesteps: 501}\n", ErrorCode::corrupt, "pcm_timesteps");
  expect_error(turbo + "{pcm_timesteps: many}\n", ErrorCode::corrupt, "pcm_timesteps");
}

}  // namespace
}  // namespace sinter::sampling
