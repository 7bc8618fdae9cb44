#pragma once
// Which steps of a run are computed, forecast or left out, as far as that is known before it.

#include <cstdint>
#include <string>
#include <vector>

#include "sampling/cache_config.h"
#include "sampling/schedule.h"

namespace sinter::sampling {

enum class StepKind : std::uint8_t {
  computed,   ///< the network is evaluated
  predicted,  ///< a forecast, or what was computed before, stands in for it
  elided,     ///< the step has size zero and is left out
  decided,    ///< computed or predicted, as the method finds when the step comes
};

/// "computed", "predicted", "elided", "decided".
const char* to_string(StepKind kind);

/// The kind of every step of `schedule`, those of size zero included. Raises
/// ErrorCode::invalid_argument, naming the key, where the configuration does not fit so many steps
/// (E_STEPS, E_SCHEDULE), and for a method other than NoCache and fewer than 9 steps, where every
/// step is a leap (E_FEWSTEP); an explicit schedule is taken at its word.
std::vector<StepKind> plan_steps(const CacheConfig& config, const Schedule& schedule);

/// What there is to say of a plan: "W_NEVER steps: ..." where a method leaves nothing out.
std::vector<std::string> plan_warnings(const CacheConfig& config,
                                       const std::vector<StepKind>& plan);

/// Steps of a kind.
int count(const std::vector<StepKind>& plan, StepKind kind);

}  // namespace sinter::sampling
