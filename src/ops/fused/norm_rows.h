#pragma once
// The operands of NormScaleShift as both sides read them.

#include "ops/fused/array.h"

namespace sinter::fused {

/// As read_rows() and read_modulation() read them; absent ones as they are made. A weight is a
/// modulation without strides.
struct NormRows {
  RowShape x, residual, y, sum;
  Modulation weight, bias, gate, scale, shift;
};

}  // namespace sinter::fused
