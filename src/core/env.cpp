#include "core/env.h"

#include <array>
#include <cstdlib>
#include <string_view>

#include "core/error.h"

namespace sinter {

namespace {
constexpr std::array kSwitches = {
    SwitchInfo{"SINTER_COLLAPSE_UNCONDITIONAL",
               "unconditional half of guidance runs on one context token",
               &Switches::collapse_unconditional},
    SwitchInfo{"SINTER_MODULATION_TABLE",
               "modulations of all steps are computed before the first step",
               &Switches::modulation_table},
    SwitchInfo{"SINTER_SKIP_ZERO_CONTEXT",
               "unconditional half of guidance adds a bias for its cross-attention",
               &Switches::skip_zero_context},
    SwitchInfo{
        "SINTER_ELIDE_LAST_STEP", "steps of size zero are skipped", &Switches::elide_zero_steps},
    SwitchInfo{"SINTER_SURFACE_FOLLOWING",
               "hierarchical decode follows the surface out of the refined region",
               &Switches::surface_following},
};
}  // namespace

std::span<const SwitchInfo> all_switches() {
  return kSwitches;
}

Switches Switches::from_environment() {
  Switches switches;
  for (const SwitchInfo& info : kSwitches) {
    const char* text = std::getenv(info.name);
    if (text == nullptr) continue;
    const std::string_view value = text;
    SINTER_CHECK(value == "0" || value == "1",
                 ErrorCode::invalid_argument,
                 "[environment] ",
                 info.name,
                 ": expected 0 or 1, got '",
                 value,
                 "'");
    switches.*info.member = value == "1";
  }
  return switches;
}

}  // namespace sinter
