#include "sampling/schedule.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace sinter::sampling {

namespace {

constexpr int kMaxTrainTimesteps = 1'000'000;
constexpr int kMaxSteps = 1000;

int read_count(const checkpoint::ConfigNode& params, const char* key, int fallback, int most) {
  const std::int64_t value = params.get<std::int64_t>(key, fallback);
  if (value < 2 || value > most) {
    params.fail_at(key, cat("expected an integer in 2..", most, ", found ", value));
  }
  return static_cast<int>(value);
}

std::vector<float> flow_match_sigmas(const SchedulerConfig& config, int steps) {
  std::vector<float> sigmas;
  const double interval = steps > 1 ? 1.0 / (steps - 1) : 0.0;
  for (int i = 0; i < steps; ++i) {
    const double s = steps > 1 && i == steps - 1 ? 1.0 : i * interval;
    sigmas.push_back(static_cast<float>(config.shift * s / (1.0 + (config.shift - 1.0) * s)));
  }
  return sigmas;
}

std::vector<float> consistency_sigmas(const SchedulerConfig& config, int steps) {
  const int ratio = config.num_train_timesteps / config.pcm_timesteps;
  const double interval = static_cast<double>(config.pcm_timesteps) / steps;
  std::vector<float> sigmas;
  for (int k = 0; k < steps; ++k) {
    const int entry = static_cast<int>(std::floor(k * interval));
    const int timestep = entry == 0 ? 0 : ratio * entry - 1;
    sigmas.push_back(
        static_cast<float>(static_cast<double>(timestep) / (config.num_train_timesteps - 1)));
  }
  return sigmas;
}

}  // namespace

SchedulerConfig SchedulerConfig::from(const checkpoint::ConfigNode& scheduler) {
  SchedulerConfig config;
  const std::string name = scheduler.target();
  if (name == "ConsistencyFlowMatchEulerDiscreteScheduler") {
    config.kind = Kind::consistency;
  } else if (name != "FlowMatchEulerDiscreteScheduler") {
    fail(ErrorCode::unsupported,
         "[scheduler] target: expected FlowMatchEulerDiscreteScheduler or "
         "ConsistencyFlowMatchEulerDiscreteScheduler, got ",
         name,
         " (",
         scheduler.file(),
         ")");
  }
  const checkpoint::ConfigNode params = scheduler.find("params");
  if (!params.defined()) return config;
  config.num_train_timesteps =
      read_count(params, "num_train_timesteps", config.num_train_timesteps, kMaxTrainTimesteps);
  if (config.kind == Kind::consistency) {
    config.pcm_timesteps =
        read_count(params, "pcm_timesteps", config.pcm_timesteps, config.num_train_timesteps / 2);
  }
  config.shift = params.get("shift", config.shift);
  if (!(config.shift > 0.0 && config.shift <= 1000.0)) {
    params.fail_at("shift", cat("expected a number in (0, 1000], found ", config.shift));
  }
  SINTER_CHECK(!params.get("use_dynamic_shifting", false),
               ErrorCode::unsupported,
               "[scheduler] use_dynamic_shifting: expected false, got true (",
               scheduler.file(),
               ")");
  return config;
}

float Schedule::delta(int step) const {
  const auto i = static_cast<std::size_t>(step);
  return sigmas.at(i + 1) - sigmas.at(i);
}

Schedule Schedule::without_zero_steps() const {
  Schedule result = *this;
  const auto end = std::unique(result.sigmas.begin(), result.sigmas.end());
  result.sigmas.erase(end, result.sigmas.end());
  return result;
}

Schedule make_schedule(const SchedulerConfig& config, int steps) {
  const bool consistency = config.kind == SchedulerConfig::Kind::consistency;
  const int most = consistency ? config.pcm_timesteps : kMaxSteps;
  SINTER_CHECK(steps >= 1 && steps <= most,
               ErrorCode::invalid_argument,
               "[scheduler] steps: expected 1..",
               most,
               ", got ",
               steps);
  Schedule schedule;
  schedule.sigmas =
      consistency ? consistency_sigmas(config, steps) : flow_match_sigmas(config, steps);
  schedule.sigmas.push_back(1.0F);
  return schedule;
}

}  // namespace sinter::sampling
