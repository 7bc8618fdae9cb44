#pragma once
// Which step of a run an operator works for, where what depends on it is a row of a table: times,
// modulations, step sizes.

#include <cstdint>

#include "core/context.h"
#include "core/tensor.h"

namespace sinter::ops {

/// The number of a step. Work that a device records once and replays for every step must find the
/// number in the device's memory.
struct Step {
  Step(std::int64_t index) : number(index) {}  // NOLINT(google-explicit-constructor)
  Step(std::int64_t index, const Tensor& cell) : number(index), device(cell) {}

  std::int64_t number;
  Tensor device;  ///< i32 [1]; undefined where nothing is recorded
};

/// A number in the device's memory that counts steps, 0 at first: i32 [1].
Tensor step_number(Context& ctx);

/// Row number `step` of table [steps, columns], shape [columns]: a view of it, or a copy where the
/// number is read on the device.
Tensor select_row(Context& ctx, const Tensor& table, const Step& step);

/// Counts the number on the device up by one.
void advance(Context& ctx, const Step& step);

}  // namespace sinter::ops
