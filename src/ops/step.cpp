#include "ops/step.h"

#include "ops/backend.h"
#include "ops/elementwise.h"

namespace sinter::ops {

Tensor step_number(Context& ctx) {
  const Tensor number = ctx.allocate(DType::i32, {1}, "step");
  Tensor bits = number;
  bits.dtype = DType::f32;  // four zero bytes, which are 0 in either type
  set_zero(ctx, bits);
  return number;
}

Tensor select_row(Context& ctx, const Tensor& table, const Step& step) {
  SINTER_CHECK(table.shape.rank() >= 1 && step.number >= 0 && step.number < table.dim(0),
               ErrorCode::invalid_argument,
               "[select_row] step: expected a row of ",
               table.shape,
               ", got ",
               step.number);
  const std::int64_t columns = table.elements() / table.dim(0);
  const Tensor view = table.slice(step.number, step.number + 1).reshape({columns});
  if (!step.device.defined()) return view;
  const Tensor row = ctx.allocate(table.dtype, {columns}, "row");
  backend(ctx, "select_row").select_row(table, step.device, row);
  return row;
}

void advance(Context& ctx, const Step& step) {
  if (step.device.defined()) backend(ctx, "advance").increment(step.device);
}

}  // namespace sinter::ops
