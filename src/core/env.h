#pragma once
// Environment switches, read once at construction. docs/environment.md lists every one; a test
// compares the two.

#include <span>

namespace sinter {

struct Switches {
  /// SINTER_COLLAPSE_UNCONDITIONAL=0: run the unconditional half of guidance over all its
  /// (identical) context tokens.
  bool collapse_unconditional = true;
  /// SINTER_MODULATION_TABLE=0: evaluate the modulation products inside every step instead of once
  /// for all steps.
  bool modulation_table = true;
  /// SINTER_SKIP_ZERO_CONTEXT=0: run the cross-attention of the unconditional half of guidance,
  /// whose result is the bias of its output projection.
  bool skip_zero_context = true;
  /// SINTER_ELIDE_LAST_STEP=0: evaluate the network even where the step size is zero.
  bool elide_zero_steps = true;
  /// SINTER_SURFACE_FOLLOWING=0: no repair pass at the end of the hierarchical decode.
  bool surface_following = true;

  /// Values from the process environment. Raises ErrorCode::invalid_argument for anything but 0
  /// and 1.
  static Switches from_environment();
};

struct SwitchInfo {
  const char* name;  ///< environment variable
  const char* help;
  bool Switches::*member;
};

/// Every switch, in the order of the page that documents them.
std::span<const SwitchInfo> all_switches();

}  // namespace sinter
