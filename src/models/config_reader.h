#pragma once
// Bounded reading of a network's parameters from config.yaml. Internal to the room.

#include <cstdint>
#include <string_view>

#include "checkpoint/config.h"

namespace sinter::models {

/// Limits far above any released model, so that a broken file cannot ask for absurd memory.
inline constexpr std::int64_t kMaxWidth = 1 << 14;
inline constexpr std::int64_t kMaxDepth = 256;
inline constexpr std::int64_t kMaxTokens = 1 << 20;
/// Channels of one attention head, the same in every network of the family.
inline constexpr std::int64_t kHeadDim = 64;

struct Range {
  std::int64_t least = 1;
  std::int64_t most = 1;
};

/// The integer below `key`, or `fallback` where it is absent; raises ErrorCode::corrupt, naming the
/// key, where it is outside the range.
std::int64_t read_integer(const checkpoint::ConfigNode& params,
                          std::string_view key,
                          std::int64_t fallback,
                          Range range);

/// A finite number greater than 0 and at most `most`.
double read_positive(const checkpoint::ConfigNode& params,
                     std::string_view key,
                     double fallback,
                     double most);

/// Raises where the width below `width_key` is not heads * kHeadDim.
void check_heads(const checkpoint::ConfigNode& params,
                 std::string_view width_key,
                 std::int64_t width,
                 std::int64_t heads);

/// Raises ErrorCode::unsupported where the last component of the class path is not `expected`.
void check_target(const checkpoint::ConfigNode& section, std::string_view expected);

}  // namespace sinter::models
