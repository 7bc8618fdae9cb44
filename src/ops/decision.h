#pragma once
// Whether a step of a run is computed or what was computed before is used again: decided from
// measured changes, on the host or on the device by the same lines.

#include <cmath>
#include <cstdint>
#include <functional>

#include "core/both_sides.h"
#include "core/context.h"
#include "core/tensor.h"

namespace sinter::ops {

/// When a step is computed, beside those that are forced.
struct DecisionRule {
  enum class Value : std::uint8_t {
    change,       ///< d = sums[0] / sums[1]
    polynomial,   ///< p(d), which is not negative
    transported,  ///< (sums[2] / sums[4]) sums[0] / sums[3]: EasyCache's estimate, see sampler.cpp
  };
  static constexpr int kMostTerms = 8;

  Value value = Value::change;
  bool accumulates = false;  ///< the values since the last computed step are added up
  float threshold = 0.0F;    ///< reused below it
  int max_consecutive = -1;  ///< reused steps in a row, -1 for any number
  // polynomial:
  float coefficients[kMostTerms] = {};  ///< highest power first
  int terms = 0;
  bool absolute = false;                 ///< |p| in place of max(0, p)
  float least = 0.0F, most = HUGE_VALF;  ///< d is taken into this range
};

/// f32 cells of a decision's state, all zero when a run begins.
enum DecisionState { kAccumulated, kConsecutive, kAnomalies, kDecisionCells };
/// f32 cells of what is noted about a step: its value, what had been accumulated with it, 1 for
/// computed and 0 for reused, 1 where the value was not finite.
enum DecisionRecord { kValue, kTotal, kComputed, kAnomaly, kRecordCells };

struct DecisionTensors {
  Tensor sums;    ///< f32 [6], of measure_change()
  Tensor forced;  ///< f32 [1]: not 0 where the step is computed in any case
  Tensor state;   ///< f32 [kDecisionCells]
  Tensor record;  ///< f32 [kRecordCells]
  Tensor flag;    ///< i32 [1]: 1 to compute, 0 to reuse
};

/// Fills record and flag, updates state.
void decide(Context& ctx, const DecisionRule& rule, const DecisionTensors& tensors);

/// Runs `compute` where the flag is not 0, else `reuse`. Where a device records, both are recorded
/// and the device chooses whenever the recording is replayed; otherwise this waits for the flag.
void branch(Context& ctx,
            const Tensor& flag,
            const std::function<void()>& compute,
            const std::function<void()>& reuse);

/// The lines that decide. Returns 1 to compute.
SINTER_BOTH_SIDES inline int decide_step(
    const DecisionRule& rule, const float* sums, bool forced, float* state, float* record) {
  const float change = sums[0] / sums[1];
  float value = change;
  if (rule.value == DecisionRule::Value::transported) {
    value = sums[2] / sums[4] * sums[0] / sums[3];
  } else if (rule.value == DecisionRule::Value::polynomial) {
    const float d = change < rule.least ? rule.least : change > rule.most ? rule.most : change;
    value = 0.0F;
    for (int i = 0; i < rule.terms; ++i) value = value * d + rule.coefficients[i];
    value = value >= 0.0F ? value : rule.absolute ? -value : value < 0.0F ? 0.0F : value;
  }
  const bool finite = value - value == 0.0F && change - change == 0.0F;
  const float total = rule.accumulates ? state[kAccumulated] + value : value;
  const bool enough =
      rule.max_consecutive >= 0 && state[kConsecutive] >= static_cast<float>(rule.max_consecutive);
  const bool compute = forced || enough || !finite || !(total < rule.threshold);
  if (!forced && !enough && !finite) state[kAnomalies] += 1.0F;
  record[kValue] = value;
  record[kTotal] = total;
  record[kComputed] = compute ? 1.0F : 0.0F;
  record[kAnomaly] = !forced && !enough && !finite ? 1.0F : 0.0F;
  state[kAccumulated] = compute ? 0.0F : total;
  state[kConsecutive] = compute ? 0.0F : state[kConsecutive] + 1.0F;
  return compute ? 1 : 0;
}

}  // namespace sinter::ops
