#pragma once
// The operands of a group norm as numbers: what its host and its device side share.

#include <cstdint>
#include <string>

#include "sinter/ops.h"

namespace sinter::fused {

/// x [samples, channels, positions] in memory, or [samples, positions, channels].
struct GroupShape {
  std::int64_t samples = 0, channels = 0, positions = 0;
  std::int64_t groups = 1;  ///< of a sample
  bool channels_last = false;

  std::int64_t all_groups() const { return samples * groups; }
  std::int64_t group_channels() const { return channels / groups; }
  std::int64_t group_elements() const { return group_channels() * positions; }
  std::int64_t elements() const { return samples * channels * positions; }
};

/// Empty and `shape` filled, or why x is nothing that groups of channels can be cut of.
std::string read_groups(const GroupNormSilu& op, GroupShape& shape);

}  // namespace sinter::fused
