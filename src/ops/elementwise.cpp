#include "ops/elementwise.h"

#include <algorithm>

#include "cpu/kernels.h"
#include "ops/backend.h"
#include "ops/check.h"
#include "ops/pointwise_rows.h"

namespace sinter::ops {

void copy_into(Context& ctx, const RowView& x, const RowView& y) {
  check_rows("copy", "y", y, x.rows, x.columns);
  check_device("copy", y, x.device);
  if (x.device != Device::cpu) return backend(ctx, "copy").copy(x, y);
  for_rows(ctx, x, [&](float* row, std::int64_t index, std::int64_t count) {
    std::copy_n(y.row(index), count, row);
  });
}

void set_zero(Context& ctx, const RowView& x) {
  if (x.device != Device::cpu) return backend(ctx, "zero").zero(x);
  for_rows(
      ctx, x, [](float* row, std::int64_t, std::int64_t count) { std::fill_n(row, count, 0.0F); });
}

void add_in_place(Context& ctx, const RowView& x, const RowView& y) {
  const bool broadcast = y.rows == 1;
  check_rows("add", "y", y, broadcast ? 1 : x.rows, x.columns);
  check_device("add", y, x.device);
  if (x.device != Device::cpu) return backend(ctx, "add").add(x, y);
  for_rows(ctx, x, [&](float* row, std::int64_t index, std::int64_t count) {
    cpu::kernels().add(row, y.row(broadcast ? 0 : index), count);
  });
}

void add_gated_in_place(Context& ctx, const RowView& x, const Tensor& gate, const RowView& y) {
  check_rows("add_gated", "y", y, x.rows, x.columns);
  check_shape("add_gated", "gate", gate, {x.columns});
  check_device("add_gated", y, x.device);
  if (x.device != Device::cpu) return backend(ctx, "add_gated").add_gated(x, gate, y);
  const float* factors = gate.f32();
  for_rows(ctx, x, [&](float* row, std::int64_t index, std::int64_t count) {
    cpu::kernels().add_gated(row, factors, y.row(index), count);
  });
}

void scale_in_place(Context& ctx, const RowView& x, float factor) {
  if (x.device != Device::cpu) return backend(ctx, "scale").scale(x, factor);
  for_rows(ctx, x, [&](float* row, std::int64_t, std::int64_t count) {
    cpu::kernels().scale(row, factor, count);
  });
}

void add_scaled_in_place(Context& ctx, const RowView& x, const Tensor& factor, const RowView& y) {
  check_rows("add_scaled", "y", y, x.rows, x.columns);
  check_shape("add_scaled", "factor", factor, {1});
  check_device("add_scaled", y, x.device);
  if (x.device != Device::cpu) return backend(ctx, "add_scaled").add_scaled(x, factor, y);
  for_rows(ctx, x, [&](float* row, std::int64_t index, std::int64_t count) {
    cpu::kernels().add_scaled(row, *factor.f32(), y.row(index), count);
  });
}

void guide_in_place(Context& ctx,
                    const RowView& unconditional,
                    const RowView& conditional,
                    float guidance) {
  const RowView& x = unconditional;
  check_rows("guide", "conditional", conditional, x.rows, x.columns);
  check_device("guide", conditional, x.device);
  if (x.device != Device::cpu) return backend(ctx, "guide").guide(x, conditional, guidance);
  for_rows(ctx, x, [&](float* row, std::int64_t index, std::int64_t count) {
    cpu::kernels().blend(row, guidance, conditional.row(index), count);
  });
}

}  // namespace sinter::ops
