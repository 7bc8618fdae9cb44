#include "ops/elementwise.h"

#include <algorithm>

#include "cpu/kernels.h"
#include "ops/check.h"
#include "ops/pointwise_rows.h"

namespace sinter::ops {

void copy_into(Context& ctx, const RowView& x, const RowView& y) {
  check_rows("copy", "y", y, x.rows, x.columns);
  for_rows(ctx, "copy", x, [&](float* row, std::int64_t index, std::int64_t count) {
    std::copy_n(y.data + index * y.row_stride, count, row);
  });
}

void add_in_place(Context& ctx, const RowView& x, const RowView& y) {
  const bool broadcast = y.rows == 1;
  check_rows("add", "y", y, broadcast ? 1 : x.rows, x.columns);
  for_rows(ctx, "add", x, [&](float* row, std::int64_t index, std::int64_t count) {
    cpu::kernels().add(row, y.data + (broadcast ? 0 : index * y.row_stride), count);
  });
}

void add_gated_in_place(Context& ctx, const RowView& x, const Tensor& gate, const RowView& y) {
  check_rows("add_gated", "y", y, x.rows, x.columns);
  check_shape("add_gated", "gate", gate, {x.columns});
  const float* factors = gate.f32();
  for_rows(ctx, "add_gated", x, [&](float* row, std::int64_t index, std::int64_t count) {
    cpu::kernels().add_gated(row, factors, y.data + index * y.row_stride, count);
  });
}

void scale_in_place(Context& ctx, const RowView& x, float factor) {
  for_rows(ctx, "scale", x, [&](float* row, std::int64_t, std::int64_t count) {
    cpu::kernels().scale(row, factor, count);
  });
}

void add_scaled_in_place(Context& ctx, const RowView& x, float factor, const RowView& y) {
  check_rows("add_scaled", "y", y, x.rows, x.columns);
  for_rows(ctx, "add_scaled", x, [&](float* row, std::int64_t index, std::int64_t count) {
    cpu::kernels().add_scaled(row, factor, y.data + index * y.row_stride, count);
  });
}

void guide_in_place(Context& ctx,
                    const RowView& unconditional,
                    const RowView& conditional,
                    float guidance) {
  const RowView& x = unconditional;
  check_rows("guide", "conditional", conditional, x.rows, x.columns);
  for_rows(ctx, "guide", x, [&](float* row, std::int64_t index, std::int64_t count) {
    cpu::kernels().blend(row, guidance, conditional.data + index * conditional.row_stride, count);
  });
}

}  // namespace sinter::ops
