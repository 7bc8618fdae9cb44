#include "ops/elementwise.h"

#include "cpu/threads.h"
#include "ops/check.h"

namespace sinter::ops {

namespace {

/// Calls body(x row, row index) for every row.
template <class Body>
void for_rows(Context& ctx, const char* op, const RowView& x, Body body) {
  if (x.device != Device::cpu) fail_device(op, x.device);
  cpu::parallel_ranges(ctx.threads, x.rows, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t row = begin; row < end; ++row) body(x.data + row * x.row_stride, row);
  });
}

}  // namespace

void add_in_place(Context& ctx, const RowView& x, const RowView& y) {
  const bool broadcast = y.rows == 1;
  check_rows("add", "y", y, broadcast ? 1 : x.rows, x.columns);
  for_rows(ctx, "add", x, [&](float* dst, std::int64_t row) {
    const float* src = y.data + (broadcast ? 0 : row * y.row_stride);
    for (std::int64_t c = 0; c < x.columns; ++c) dst[c] += src[c];
  });
}

void add_gated_in_place(Context& ctx, const RowView& x, const Tensor& gate, const RowView& y) {
  check_rows("add_gated", "y", y, x.rows, x.columns);
  check_shape("add_gated", "gate", gate, {x.columns});
  const float* factors = gate.f32();
  for_rows(ctx, "add_gated", x, [&](float* dst, std::int64_t row) {
    const float* src = y.data + row * y.row_stride;
    for (std::int64_t c = 0; c < x.columns; ++c) dst[c] += factors[c] * src[c];
  });
}

void scale_in_place(Context& ctx, const RowView& x, float factor) {
  for_rows(ctx, "scale", x, [&](float* dst, std::int64_t) {
    for (std::int64_t c = 0; c < x.columns; ++c) dst[c] *= factor;
  });
}

void add_scaled_in_place(Context& ctx, const RowView& x, float factor, const RowView& y) {
  check_rows("add_scaled", "y", y, x.rows, x.columns);
  for_rows(ctx, "add_scaled", x, [&](float* dst, std::int64_t row) {
    const float* src = y.data + row * y.row_stride;
    for (std::int64_t c = 0; c < x.columns; ++c) dst[c] += factor * src[c];
  });
}

void guide_in_place(Context& ctx,
                    const RowView& unconditional,
                    const RowView& conditional,
                    float guidance) {
  const RowView& x = unconditional;
  check_rows("guide", "conditional", conditional, x.rows, x.columns);
  for_rows(ctx, "guide", x, [&](float* dst, std::int64_t row) {
    const float* src = conditional.data + row * conditional.row_stride;
    for (std::int64_t c = 0; c < x.columns; ++c) dst[c] += guidance * (src[c] - dst[c]);
  });
}

}  // namespace sinter::ops
