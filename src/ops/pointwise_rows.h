#pragma once
// Spreads element-wise work over threads. Internal to the room.

#include <algorithm>
#include <cstdint>

#include "core/context.h"
#include "cpu/threads.h"
#include "ops/check.h"
#include "ops/view.h"

namespace sinter::ops {

/// Elements below which another thread costs more than it saves.
inline constexpr std::int64_t kElementsPerThread = 16384;

inline int useful_threads(const Context& ctx, std::int64_t elements) {
  return static_cast<int>(
      std::clamp<std::int64_t>(elements / kElementsPerThread, 1, std::max(ctx.threads, 1)));
}

/// Calls body(row, index, columns) for every row of x, on the host.
template <class Body>
void for_rows(Context& ctx, const RowView& x, Body body) {
  const int threads = useful_threads(ctx, x.rows * x.columns);
  cpu::parallel_ranges(threads, x.rows, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t row = begin; row < end; ++row) {
      body(x.row(row), row, x.columns);
    }
  });
}

}  // namespace sinter::ops
