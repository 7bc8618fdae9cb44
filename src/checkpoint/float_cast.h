#pragma once
// Weights from one floating-point type to another, for writing them anew.

#include <cstddef>
#include <optional>
#include <span>

#include "core/dtype.h"

namespace sinter::checkpoint {

struct FloatOverflow {
  std::size_t index = 0;  ///< of the element
  double value = 0;
};

/// Converts elements of a floating dtype into another: exact where the target can hold the value,
/// else rounded once, to nearest, ties to even; subnormal numbers stay, signs of zeros too.
/// Infinities and NaN stay what they are. Neither side needs alignment; `dst` has room for as many
/// elements as `src` holds. Returns the first finite element that the target cannot hold, where the
/// content of `dst` is unspecified from that element on.
std::optional<FloatOverflow> cast_floats(std::span<const std::byte> src,
                                         DType from,
                                         std::byte* dst,
                                         DType to);

}  // namespace sinter::checkpoint
