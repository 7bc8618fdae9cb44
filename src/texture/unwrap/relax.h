#pragma once
// Repairs of single places in a flattened chart, one vertex at a time.

#include <span>

#include "texture/unwrap/reference.h"

namespace sinter::texture {

/// Moves vertices of faces that count as mirrored (kMinAreaShare) until there are none. Returns
/// whether it succeeded.
bool untangle(std::span<const ReferenceTriangle> reference, Chart& chart);

/// Evens out faces that are stretched or squeezed much. No face may count as mirrored; none does
/// afterwards.
void relax_stretched(std::span<const ReferenceTriangle> reference, Chart& chart);

}  // namespace sinter::texture
