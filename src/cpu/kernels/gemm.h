#pragma once
// The matrix product: rows of A times packed panels of B, in register tiles.
//
// After Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008), with
// one packed operand: a micro-kernel keeps kTileRows x (2 vectors) sums in registers and runs down
// the depth; a panel chunk of kDepthBlock x 32 stays in the cache while a block of rows passes over
// it, and the next chunk is prefetched meanwhile.

#include "cpu/kernels.h"
#include "cpu/kernels/math.h"

namespace sinter::cpu {
namespace {

/// Rows of sums in registers: 28 of 32 registers with AVX-512, 12 of 16 otherwise.
inline constexpr int kTileRows = kLanes == 16 ? 14 : 6;
inline constexpr int kTileColumns = 2 * kLanes;
/// Rows of A further apart than this are copied together first: rows a multiple of 4 KiB apart
/// would fight for the same lines of the first-level cache.
inline constexpr std::int64_t kWideRow = 512;

/// Where a micro-kernel fetches ahead: one line of the second-level cache every `step` bytes, once
/// a row of B.
struct Prefetch {
  const char* next = nullptr;
  std::int64_t step = 0;
};

/// c[R][kTileColumns] (+)= a[R][k] b[k][kTileColumns], rows of b kPanel apart.
template <int R>
void micro_kernel(std::int64_t k,
                  const float* a,
                  std::int64_t lda,
                  const float* b,
                  float* c,
                  std::int64_t ldc,
                  bool accumulate,
                  Prefetch prefetch) {
  Vec low[R], high[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    low[r] = accumulate ? load(c + r * ldc) : Vec{};
    high[r] = accumulate ? load(c + r * ldc + kLanes) : Vec{};
  }
  for (std::int64_t i = 0; i < k; ++i) {
    const Vec b_low = load(b + i * kPanel);
    const Vec b_high = load(b + i * kPanel + kLanes);
    __builtin_prefetch(prefetch.next, 0, 2);
    prefetch.next += prefetch.step;
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const float value = a[r * lda + i];
      low[r] += value * b_low;
      high[r] += value * b_high;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    store(c + r * ldc, low[r]);
    store(c + r * ldc + kLanes, high[r]);
  }
}

using MicroKernel = void (*)(
    std::int64_t, const float*, std::int64_t, const float*, float*, std::int64_t, bool, Prefetch);

inline MicroKernel micro_kernel_of(std::int64_t rows) {
  if constexpr (kTileRows == 14) {
    static constexpr MicroKernel kByRows[] = {micro_kernel<1>,
                                              micro_kernel<2>,
                                              micro_kernel<3>,
                                              micro_kernel<4>,
                                              micro_kernel<5>,
                                              micro_kernel<6>,
                                              micro_kernel<7>,
                                              micro_kernel<8>,
                                              micro_kernel<9>,
                                              micro_kernel<10>,
                                              micro_kernel<11>,
                                              micro_kernel<12>,
                                              micro_kernel<13>,
                                              micro_kernel<14>};
    return kByRows[rows - 1];
  } else {
    static constexpr MicroKernel kByRows[] = {micro_kernel<1>,
                                              micro_kernel<2>,
                                              micro_kernel<3>,
                                              micro_kernel<4>,
                                              micro_kernel<5>,
                                              micro_kernel<6>};
    return kByRows[rows - 1];
  }
}

/// c[m][kPanel] (+)= a[m][k] b[k][kPanel]; `next` is what the caller multiplies with afterwards.
/// `done(first row, rows)` is called after each group of rows while it is still in the cache.
template <class Done>
SINTER_INLINE void multiply_panel(std::int64_t m,
                                  std::int64_t k,
                                  const float* a,
                                  std::int64_t lda,
                                  const float* b,
                                  float* c,
                                  std::int64_t ldc,
                                  bool accumulate,
                                  const float* next,
                                  Done done) {
  // Equal groups rather than full ones and a thin rest: a thin group wastes the arithmetic units.
  const std::int64_t groups = (m + kTileRows - 1) / kTileRows;
  const auto row_bytes = static_cast<std::int64_t>(kPanel * sizeof(float));
  Prefetch prefetch{reinterpret_cast<const char*>(next), (row_bytes + groups - 1) / groups};
  for (std::int64_t group = 0; group < groups; ++group) {
    const std::int64_t row = m * group / groups;
    const std::int64_t rows = m * (group + 1) / groups - row;
    const MicroKernel kernel = micro_kernel_of(rows);
    for (std::int64_t column = 0; column < kPanel; column += kTileColumns) {
      kernel(k, a + row * lda, lda, b + column, c + row * ldc + column, ldc, accumulate, prefetch);
    }
    prefetch.next += k * prefetch.step;
    done(row, rows);
  }
}

/// Epilogue of one panel, padded to full vectors.
struct PanelEpilogue {
  float bias[kPanel];
  float gate[kPanel];
};

template <class Function>
SINTER_INLINE void finish_rows(const float* tile,
                               std::int64_t rows,
                               float* c,
                               std::int64_t ldc,
                               std::int64_t width,
                               const PanelEpilogue& panel,
                               bool accumulate,
                               Function function) {
  for (std::int64_t r = 0; r < rows; ++r) {
    float* out = c + r * ldc;
    for (std::int64_t j = 0; j < width; j += kLanes) {
      const std::int64_t count = width - j < kLanes ? width - j : kLanes;
      const bool full = count == kLanes;
      Vec y = function(load(tile + r * kPanel + j) + load(panel.bias + j));
      if (accumulate) {
        y = (full ? load(out + j) : load_partial(out + j, count, 0.0F)) + load(panel.gate + j) * y;
      }
      if (full) {
        store(out + j, y);
      } else {
        store_partial(out + j, y, count);
      }
    }
  }
}

inline void finish_tile(const float* tile,
                        std::int64_t rows,
                        float* c,
                        std::int64_t ldc,
                        std::int64_t width,
                        const PanelEpilogue& panel,
                        const Epilogue& epilogue) {
  const auto run = [&](auto function) {
    finish_rows(tile, rows, c, ldc, width, panel, epilogue.accumulate, function);
  };
  switch (epilogue.pointwise) {
    case Pointwise::none:
      return run([](Vec x) { return x; });
    case Pointwise::gelu_erf:
      return run([](Vec x) { return gelu_erf(x); });
    case Pointwise::gelu_tanh:
      return run([](Vec x) { return gelu_tanh(x); });
    case Pointwise::silu:
      return run([](Vec x) { return silu(x); });
  }
}

inline PanelEpilogue panel_epilogue(const Epilogue& epilogue,
                                    std::int64_t first,
                                    std::int64_t width) {
  PanelEpilogue panel;
  for (std::int64_t j = 0; j < kPanel; ++j) {
    panel.bias[j] = epilogue.bias != nullptr && j < width ? epilogue.bias[first + j] : 0.0F;
    panel.gate[j] = epilogue.gate != nullptr && j < width ? epilogue.gate[first + j] : 1.0F;
  }
  return panel;
}

/// One block of at most gemm_block_rows(k) rows.
inline void gemm_block(
    const GemmTask& task, const float* a, std::int64_t lda, std::int64_t m, float* c) {
  float* tile = task.scratch;
  for (std::int64_t p = task.panel_begin; p < task.panel_end; ++p) {
    const float* panel = task.b + p * kPanel * task.k;
    const std::int64_t width = task.n - p * kPanel < kPanel ? task.n - p * kPanel : kPanel;
    const PanelEpilogue epilogue = panel_epilogue(task.epilogue, p * kPanel, width);
    float* out = c + p * kPanel;
    for (std::int64_t r = 0; r < m; ++r) {
      __builtin_prefetch(out + r * task.ldc, 1);
      __builtin_prefetch(out + r * task.ldc + width - 1, 1);
    }
    for (std::int64_t from = 0; from < task.k; from += kDepthBlock) {
      const std::int64_t depth = task.k - from < kDepthBlock ? task.k - from : kDepthBlock;
      const float* chunk = panel + from * kPanel;
      const bool last = from + depth == task.k;
      multiply_panel(m,
                     depth,
                     a + from,
                     lda,
                     chunk,
                     tile,
                     kPanel,
                     from > 0,
                     chunk + depth * kPanel,
                     [&](std::int64_t row, std::int64_t rows) {
                       if (!last) return;
                       finish_tile(tile + row * kPanel,
                                   rows,
                                   out + row * task.ldc,
                                   task.ldc,
                                   width,
                                   epilogue,
                                   task.epilogue);
                     });
    }
  }
}

void gemm_rows(const GemmTask& task) {
  const std::int64_t block = gemm_block_rows(task.k);
  float* copy = task.scratch + block * kPanel;
  const std::int64_t pitch = gemm_copy_pitch(task.k);
  for (std::int64_t row = 0; row < task.m; row += block) {
    const std::int64_t m = task.m - row < block ? task.m - row : block;
    const float* a = task.a + row * task.lda;
    std::int64_t lda = task.lda;
    if (lda >= kWideRow) {
      const auto bytes = static_cast<std::size_t>(task.k) * sizeof(float);
      for (std::int64_t r = 0; r < m; ++r) __builtin_memcpy(copy + r * pitch, a + r * lda, bytes);
      a = copy;
      lda = pitch;
    }
    gemm_block(task, a, lda, m, task.c + row * task.ldc);
  }
}

/// The product with a single column, stored plainly: one dot product a row, in four interleaved
/// chains of vectors.
inline float dot(const float* a, const float* b, std::int64_t k) {
  Vec sum[4] = {};
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= k; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) sum[j] += load(a + i + j * kLanes) * load(b + i + j * kLanes);
  }
  for (; i < k; i += kLanes) {
    const std::int64_t count = k - i < kLanes ? k - i : kLanes;
    sum[0] += load_partial(a + i, count, 0.0F) * load_partial(b + i, count, 0.0F);
  }
  return sum_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

void gemm_column(const GemmTask& task) {
  PanelEpilogue panel = panel_epilogue(task.epilogue, 0, 1);
  float tile[kPanel] = {};
  for (std::int64_t row = 0; row < task.m; ++row) {
    tile[0] = dot(task.a + row * task.lda, task.b, task.k);
    finish_tile(tile, 1, task.c + row * task.ldc, task.ldc, 1, panel, task.epilogue);
  }
}

}  // namespace
}  // namespace sinter::cpu
