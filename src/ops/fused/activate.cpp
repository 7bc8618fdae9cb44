#include "cpu/threads.h"
#include "ops/fused/host_activation.h"
#include "ops/fused/run_at.h"
#ifdef SINTER_WITH_CUDA
#include "ops/fused/cuda/activate.h"
#endif

namespace sinter::fused {

namespace {

struct Rows {
  RowShape x, multiplier, y;
};

std::string read(const Activate& op, Rows& rows) {
  if (!is_known(op.kind))
    return cat("expected a kind of activation, got number ", static_cast<int>(op.kind));
  if (std::string text = refuse_device(op.x); !text.empty()) return text;
  struct Operand {
    const char* name;
    const Array& array;
    RowShape& shape;
  };
  bool contiguous = true;
  for (const Operand& o : {Operand{"x", op.x, rows.x},
                           Operand{"y", op.y, rows.y},
                           Operand{"multiplier", op.multiplier, rows.multiplier}}) {
    if (&o.array == &op.multiplier && !op.multiplier.present()) continue;
    if (std::string text = refuse_operand(o.name, o.array, op.x.device); !text.empty()) return text;
    if (std::string text = read_flat(o.name, o.array, o.shape); !text.empty()) return text;
    if (!same_shape(o.array, op.x) || o.array.type != op.x.type)
      return unlike(o.name, cat("the type and shape of x, ", describe(op.x)), o.array);
    contiguous = contiguous && is_contiguous(o.array);
  }
  // One row, whose groups of eight elements are then all full.
  if (contiguous)
    rows.x = rows.y = rows.multiplier = {.samples = 1, .tokens = 1, .columns = elements_of(op.x)};
  return refuse_groups(op.x, rows.x);
}

void run_on_host(const Activate& op, const Rows& rows, int threads) {
  const ElementType type = op.x.type;
  const bool exact = op.rounding == Rounding::exact;
  const auto one = [&](std::int64_t row, std::int64_t column) {
    const auto at = [&](const RowShape& s) { return row * s.token_stride + column; };
    const float x = load(op.x.data, type, at(rows.x));
    float y = exact ? eager(op.kind, x, type) : precise(op.kind, x);
    if (op.multiplier.present())
      y = (exact ? rounded(y, type) : y) * load(op.multiplier.data, type, at(rows.multiplier));
    store(op.y.data, type, at(rows.y), y);
  };
  const std::int64_t columns = rows.x.columns;
  cpu::parallel_ranges(
      threads, rows.x.tokens * columns, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t i = begin; i < end; ++i) one(i / columns, i % columns);
      });
}

}  // namespace

std::string refusal(const Activate& op) {
  Rows rows;
  return read(op, rows);
}

void run(const Activate& op, const Execution& execution) {
  Rows rows;
  run_at(
      op.x,
      "activate",
      read(op, rows),
      execution,
      [&](int threads) { run_on_host(op, rows, threads); },
      SINTER_KERNEL(cuda::activate(op, {rows.x, rows.multiplier, rows.y}, stream)));
}

}  // namespace sinter::fused
