#include "cpu/gemm.h"

#include <algorithm>
#include <cmath>

#include "cpu/threads.h"

namespace sinter::cpu {

void pack_rows(const float* src,
               std::int64_t stride,
               std::int64_t row,
               std::int64_t count,
               std::int64_t n,
               std::int64_t k,
               float* packed) {
  for (std::int64_t r = row; r < row + count; ++r) {
    float* panel = packed + r / kPanel * kPanel * k + r % kPanel;
    const float* values = src + (r - row) * stride;
    for (std::int64_t i = 0; i < k; ++i) panel[i * kPanel] = values[i];
  }
  if (row + count < n || n % kPanel == 0) return;
  float* panel = packed + n / kPanel * kPanel * k;
  for (std::int64_t i = 0; i < k; ++i) {
    std::fill(panel + i * kPanel + n % kPanel, panel + (i + 1) * kPanel, 0.0F);
  }
}

namespace {

float apply(float x, Pointwise pointwise) {
  switch (pointwise) {
    case Pointwise::gelu_erf:
      return 0.5F * x * (1.0F + std::erf(x * 0.70710678F));
    case Pointwise::gelu_tanh:
      return 0.5F * x * (1.0F + std::tanh(0.79788456F * (x + 0.044715F * x * x * x)));
    case Pointwise::silu:
      return x / (1.0F + std::exp(-x));
    case Pointwise::none:
      break;
  }
  return x;
}

}  // namespace

void gemm(int threads,
          std::int64_t m,
          std::int64_t n,
          std::int64_t k,
          const float* a,
          std::int64_t lda,
          const float* packed_b,
          float* c,
          std::int64_t ldc,
          const Epilogue& epilogue) {
  parallel_ranges(threads, m, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t p = 0; p < panel_count(n); ++p) {
      const float* panel = packed_b + p * kPanel * k;
      const std::int64_t width = std::min(kPanel, n - p * kPanel);
      for (std::int64_t row = begin; row < end; ++row) {
        float sum[kPanel] = {};
        for (std::int64_t i = 0; i < k; ++i) {
          for (std::int64_t j = 0; j < kPanel; ++j) {
            sum[j] += a[row * lda + i] * panel[i * kPanel + j];
          }
        }
        for (std::int64_t j = 0; j < width; ++j) {
          const std::int64_t column = p * kPanel + j;
          const float bias = epilogue.bias == nullptr ? 0.0F : epilogue.bias[column];
          const float y = apply(sum[j] + bias, epilogue.pointwise);
          float& out = c[row * ldc + column];
          if (!epilogue.accumulate) {
            out = y;
          } else {
            out += epilogue.gate == nullptr ? y : epilogue.gate[column] * y;
          }
        }
      }
    }
  });
}

}  // namespace sinter::cpu
