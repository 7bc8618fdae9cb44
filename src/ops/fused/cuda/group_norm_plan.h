#pragma once
// How a group norm's scratch memory is laid out, which depends on its shape alone.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "ops/fused/group_shape.h"

namespace sinter::fused::cuda {

/// Elements of a contiguous group for which one launch does everything without scratch memory.
inline constexpr std::int64_t kSmallGroup = 65536;
/// Parts that a group's statistics are summed in, at most: of kLeastPart elements, the smallest
/// chunk of the kernel that holds groups in shared memory.
inline constexpr std::int64_t kLeastPart = 4096, kMostParts = 512;
/// Parts of a group begin at multiples of this.
inline constexpr std::int64_t kPartMultiple = 2048;
/// Of a group's chains: sixteen results of twelve bytes.
inline constexpr std::size_t kExactBytes = 192;

inline std::int64_t most_parts(std::int64_t elements) {
  return std::clamp<std::int64_t>((elements + kLeastPart - 1) / kLeastPart, 1, kMostParts);
}

/// Offsets in bytes.
struct ScratchLayout {
  std::size_t partial = 0, affine = 0, bytes = 0;
};

inline ScratchLayout scratch_layout(const GroupShape& shape) {
  constexpr std::size_t kPair = 2 * sizeof(float);
  const auto up = [](std::size_t bytes) { return (bytes + 255) / 256 * 256; };
  const auto size = [](std::int64_t count) { return static_cast<std::size_t>(count); };
  ScratchLayout layout;
  if (shape.channels_last) {
    const std::int64_t channels = shape.samples * shape.channels;
    layout.affine = up(size(channels * most_parts(shape.positions * shape.channels)) * kPair);
    layout.bytes = up(layout.affine + size(channels) * kPair);
    return layout;
  }
  if (shape.group_elements() <= kSmallGroup) return layout;
  const std::size_t groups = size(shape.all_groups());
  const std::size_t of_group =
      std::max(size(most_parts(shape.group_elements())) * kPair, kExactBytes);
  layout.bytes = up(groups * of_group);
  return layout;
}

}  // namespace sinter::fused::cuda
