#include "cpu/gemm.h"

#include <algorithm>

#include "cpu/threads.h"

namespace sinter::cpu {

namespace {

typedef float Quad __attribute__((vector_size(16), aligned(4), may_alias));

/// Transposes src[4][k], rows `stride` apart, into column `0..3` of a panel: dst[i * kPanel + r].
void pack_four_rows(const float* src, std::int64_t stride, std::int64_t k, float* dst) {
  const auto row = [&](std::int64_t r, std::int64_t i) {
    return *reinterpret_cast<const Quad*>(src + r * stride + i);
  };
  std::int64_t i = 0;
  for (; i + 4 <= k; i += 4) {
    const Quad a = row(0, i), b = row(1, i), c = row(2, i), d = row(3, i);
    for (int j = 0; j < 4; ++j) {
      *reinterpret_cast<Quad*>(dst + (i + j) * kPanel) = Quad{a[j], b[j], c[j], d[j]};
    }
  }
  for (; i < k; ++i) {
    for (std::int64_t r = 0; r < 4; ++r) dst[i * kPanel + r] = src[r * stride + i];
  }
}

/// Threads worth starting: one for each so many multiply-adds.
int useful_threads(const Context& ctx, const GemmShape& shape) {
  constexpr double kWorkPerThread = 1 << 18;
  const double work =
      static_cast<double>(shape.m) * static_cast<double>(shape.n) * static_cast<double>(shape.k);
  return static_cast<int>(
      std::clamp(work / kWorkPerThread, 1.0, std::max(1.0, double(ctx.threads))));
}

}  // namespace

void pack_panel_rows(const float* src,
                     std::int64_t stride,
                     std::int64_t row,
                     std::int64_t count,
                     std::int64_t n,
                     std::int64_t k,
                     float* packed) {
  const std::int64_t end = row + count;
  for (std::int64_t r = row; r < end;) {
    float* dst = packed + r / kPanel * kPanel * k + r % kPanel;
    const float* values = src + (r - row) * stride;
    if (r % 4 == 0 && r + 4 <= end) {
      pack_four_rows(values, stride, k, dst);
      r += 4;
    } else {
      for (std::int64_t i = 0; i < k; ++i) dst[i * kPanel] = values[i];
      ++r;
    }
  }
  if (end < n || n % kPanel == 0) return;
  float* panel = packed + n / kPanel * kPanel * k;
  for (std::int64_t i = 0; i < k; ++i) {
    std::fill(panel + i * kPanel + n % kPanel, panel + (i + 1) * kPanel, 0.0F);
  }
}

void pack_rows(const float* src,
               std::int64_t row,
               std::int64_t count,
               std::int64_t n,
               std::int64_t k,
               float* packed) {
  if (n == 1) {
    std::copy(src, src + count * k, packed);
  } else {
    pack_panel_rows(src, k, row, count, n, k, packed);
  }
}

void gemm(Context& ctx,
          const GemmShape& shape,
          const float* a,
          std::int64_t lda,
          const float* packed_b,
          float* c,
          std::int64_t ldc,
          const Epilogue& epilogue,
          const Kernels& table) {
  if (shape.m == 0 || shape.n == 0) return;
  const int threads = useful_threads(ctx, shape);
  ArenaScope scope(ctx.arena());
  const std::int64_t scratch_size = (gemm_scratch_size(shape.k) + 15) / 16 * 16;
  float* scratch = ctx.allocate(DType::f32, {threads, scratch_size}, "gemm scratch").f32_mut();
  const std::int64_t panels = (shape.n + kPanel - 1) / kPanel;
  // Few rows: every thread takes all of them and a share of the columns.
  const bool by_rows = shape.n == 1 || shape.m >= std::int64_t{8} * threads;
  parallel_ranges(
      threads, by_rows ? shape.m : panels, [&](std::int64_t begin, std::int64_t end, int thread) {
        const std::int64_t row = by_rows ? begin : 0;
        GemmTask task{};
        task.m = by_rows ? end - begin : shape.m;
        task.n = shape.n;
        task.k = shape.k;
        task.a = a + row * lda;
        task.lda = lda;
        task.b = packed_b;
        task.c = c + row * ldc;
        task.ldc = ldc;
        task.panel_begin = by_rows ? 0 : begin;
        task.panel_end = by_rows ? panels : end;
        task.epilogue = epilogue;
        task.scratch = scratch + thread * scratch_size;
        if (shape.n == 1) {
          table.gemm_column(task);
        } else {
          table.gemm_rows(task);
        }
      });
}

}  // namespace sinter::cpu
