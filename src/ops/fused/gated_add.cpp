#include <cmath>

#include "cpu/threads.h"
#include "ops/fused/host.h"
#include "ops/fused/run_at.h"
#ifdef SINTER_WITH_CUDA
#include "ops/fused/cuda/gated_add.h"
#endif

namespace sinter::fused {

namespace {

struct Rows {
  RowShape x, residual, y;
  Modulation gate;
};

std::string read(const GatedAdd& op, Rows& rows) {
  if (std::string text = refuse_device(op.x); !text.empty()) return text;
  struct Operand {
    const char* name;
    const Array& array;
    RowShape& shape;
  };
  for (const Operand& o : {Operand{"x", op.x, rows.x},
                           Operand{"residual", op.residual, rows.residual},
                           Operand{"y", op.y, rows.y}}) {
    if (std::string text = refuse_operand(o.name, o.array, op.x.device); !text.empty()) return text;
    if (std::string text = read_rows(o.name, o.array, o.shape); !text.empty()) return text;
    if (!same_shape(o.array, op.x) || o.array.type != op.x.type)
      return unlike(o.name, cat("the type and shape of x, ", describe(op.x)), o.array);
  }
  if (std::string text = refuse_operand("gate", op.gate, op.x.device); !text.empty()) return text;
  if (std::string text = refuse_groups(op.x, rows.x); !text.empty()) return text;
  return read_modulation("gate", op.gate, rows.x, op.x.rank, rows.gate);
}

void run_on_host(const GatedAdd& op, const Rows& rows, int threads) {
  const bool exact = op.rounding == Rounding::exact;
  const ElementType product_type = promoted(op.gate.type, op.x.type);
  const auto one_row = [&](std::int64_t row) {
    const std::int64_t sample = row / rows.x.tokens, token = row % rows.x.tokens;
    const auto start = [&](const RowShape& s) {
      return sample * s.sample_stride + token * s.token_stride;
    };
    const std::int64_t x = start(rows.x), residual = start(rows.residual), y = start(rows.y);
    const std::int64_t gate = offset_of(rows.gate, sample, token);
    for (std::int64_t d = 0; d < rows.x.columns; ++d) {
      const float factor = load(rows.gate.data, rows.gate.type, gate + d * rows.gate.column_stride);
      const float value = load(op.x.data, op.x.type, x + d);
      const float summand = load(op.residual.data, op.x.type, residual + d);
      store(op.y.data,
            op.x.type,
            y + d,
            exact ? summand + rounded(factor * value, product_type)
                  : std::fma(factor, value, summand));
    }
  };
  cpu::parallel_ranges(
      threads, rows.x.samples * rows.x.tokens, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t row = begin; row < end; ++row) one_row(row);
      });
}

}  // namespace

std::string refusal(const GatedAdd& op) {
  Rows rows;
  return read(op, rows);
}

void run(const GatedAdd& op, const Execution& execution) {
  Rows rows;
  run_at(
      op.x,
      "gated_add",
      read(op, rows),
      execution,
      [&](int threads) { run_on_host(op, rows, threads); },
      SINTER_KERNEL(cuda::gated_add(op, {rows.x, rows.residual, rows.y, rows.gate}, stream)));
}

}  // namespace sinter::fused
