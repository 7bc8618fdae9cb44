#pragma once
// Time grids of the flow-matching samplers. Time runs upwards: sigma 0 is pure noise, 1 is data.
//
// Upstream: hy3dgen/shapegen/schedulers.py. Its fp16 rounding of 1000 sigma is not followed: the
// network is given the fp32 sigma, which is the value meant.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/config.h"

namespace sinter::sampling {

/// The `scheduler` section of a bundle's config.yaml.
struct SchedulerConfig {
  enum class Kind : std::uint8_t {
    flow_match_euler,  ///< target FlowMatchEulerDiscreteScheduler
    consistency,  ///< target ConsistencyFlowMatchEulerDiscreteScheduler (step-distilled models)
  };
  Kind kind = Kind::flow_match_euler;
  /// Fine time grid of the training run; only `consistency` depends on it.
  int num_train_timesteps = 1000;
  /// Entries of the consistency table, at most num_train_timesteps / 2; `consistency` only.
  int pcm_timesteps = 50;
  /// Time shift s' = shift s / (1 + (shift - 1) s); `flow_match_euler` only, 1 is the identity.
  double shift = 1.0;

  /// Raises ErrorCode::unsupported for another scheduler class or dynamic shifting, and
  /// ErrorCode::invalid_argument for values out of range, naming the key.
  static SchedulerConfig from(const checkpoint::ConfigNode& scheduler);
};

/// N steps of explicit Euler: step i goes from sigmas[i] to sigmas[i + 1]; the last entry is 1.
struct Schedule {
  std::vector<float> sigmas;

  int steps() const { return static_cast<int>(sigmas.size()) - 1; }
  float delta(int step) const;
  /// The time of each step: all of sigmas but the final 1.
  std::span<const float> times() const { return {sigmas.data(), sigmas.size() - 1}; }
  /// The steps that change something: those of size zero are left out, whose velocity no one needs.
  Schedule without_zero_steps() const;
};

/// flow_match_euler: sigma_i = i / (N - 1) in double (0 for N = 1), shifted, rounded to fp32, then
/// 1 appended; for N > 1 the last step therefore has size zero, as upstream.
///
/// consistency: with r = num_train_timesteps / pcm_timesteps (integer division) the table is
/// sigma_tab[0] = 0, sigma_tab[j] = (r j - 1) / (num_train_timesteps - 1); step k starts at entry
/// floor(k (pcm_timesteps / N)).
///
/// Raises ErrorCode::invalid_argument for steps outside 1 .. 1000 (flow_match_euler) or
/// 1 .. pcm_timesteps (consistency: more would repeat entries).
Schedule make_schedule(const SchedulerConfig& config, int steps);

}  // namespace sinter::sampling
