#include <cmath>

#include "cpu/threads.h"
#include "ops/fused/run_at.h"
#ifdef SINTER_WITH_CUDA
#include "ops/fused/cuda/embeddings.h"
#endif

namespace sinter::fused {

namespace {

std::string read(const RotaryTable& op) {
  constexpr std::int64_t kMostTokens = std::int64_t{1} << 31;
  constexpr int kMostDims = 1 << 16;
  std::int64_t tokens = 1, columns = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t extent = op.grid[axis];
    if (extent < 1 || extent > kMostTokens / tokens)
      return cat("expected a grid of at least 1 in each direction and at most 2^31 tokens, got ",
                 op.grid[0],
                 " x ",
                 op.grid[1],
                 " x ",
                 op.grid[2]);
    tokens *= extent;
    if (op.dims[axis] < 0 || op.dims[axis] % 2 != 0 || op.dims[axis] > kMostDims)
      return cat("expected even dims, got ", op.dims[0], ", ", op.dims[1], ", ", op.dims[2]);
    columns += op.dims[axis];
  }
  if (columns == 0) return "expected dims, got none";
  if (!(op.theta > 0.0) || !std::isfinite(op.theta))
    return cat("expected a positive theta, got ", op.theta);
  if (op.first < 0 || op.first >= tokens)
    return cat("expected first among the grid's ", tokens, " tokens, got ", op.first);
  if (std::string text = refuse_device(op.table); !text.empty()) return text;
  if (std::string text = refuse_operand("table", op.table, op.table.device); !text.empty())
    return text;
  if (op.table.type != ElementType::f32 || op.table.rank != 2 || op.table.shape[1] != columns ||
      !is_contiguous(op.table))
    return unlike("table", cat("f32 [tokens, ", columns, "] contiguous"), op.table);
  if (op.table.shape[0] > tokens - op.first)
    return cat("expected rows among the grid's ",
               tokens,
               " tokens, got ",
               op.table.shape[0],
               " from token ",
               op.first,
               " on");
  return {};
}

void run_on_host(const RotaryTable& op, int threads) {
  const std::int64_t columns = op.table.shape[1], half = columns / 2;
  auto* const table = static_cast<float*>(op.table.data);
  std::int64_t first_pair = 0, inner = op.grid[0] * op.grid[1] * op.grid[2];
  for (std::size_t axis = 0; axis < 3; ++axis) {
    inner /= op.grid[axis];
    const std::int64_t pairs = op.dims[axis] / 2;
    const auto one_pair = [&](std::int64_t i) {
      const double exponent = 2.0 * static_cast<double>(i) / op.dims[axis];
      const double frequency = 1.0 / std::pow(op.theta, exponent);
      float* const cosines = table + first_pair + i;
      for (std::int64_t row = 0; row < op.table.shape[0]; ++row) {
        const std::int64_t position = (op.first + row) / inner % op.grid[axis];
        const double angle = static_cast<double>(position) * frequency;
        cosines[row * columns] = static_cast<float>(std::cos(angle));
        cosines[row * columns + half] = static_cast<float>(std::sin(angle));
      }
    };
    cpu::parallel_ranges(threads, pairs, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) one_pair(i);
    });
    first_pair += pairs;
  }
}

}  // namespace

std::string refusal(const RotaryTable& op) {
  return read(op);
}

void run(const RotaryTable& op, const Execution& execution) {
  run_at(
      op.table,
      "rotary_table",
      read(op),
      execution,
      [&](int threads) { run_on_host(op, threads); },
      SINTER_KERNEL(cuda::rotary_table(op, stream)));
}

}  // namespace sinter::fused
