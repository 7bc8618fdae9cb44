#include "cuda/status.h"
#include "ops/fused/cuda/causal_pad.h"
#include "ops/fused/cuda/rows.cuh"

namespace sinter::fused::cuda {

namespace {

constexpr int kThreads = 256;

/// All extents in elements of `Bits`, an unsigned integer as wide as one.
template <class Bits>
struct PadTask {
  const Bits *x, *cache;  // cache may be null
  const Bits *x_end, *cache_end;
  bool words;  // x and cache start at multiples of four bytes
  Bits* y;
  std::int64_t total;          // elements of y
  std::int64_t width, height;  // of x
  std::int64_t frames, cached, front, rows, columns;
  std::int64_t y_width;
  double inverse_y_width;
  Divisor y_height, y_frames;

  /// Where the row of x or the cache begins that row `index` of y holds; null where that is zeros.
  __device__ __forceinline__ const Bits* source(std::int64_t index) const {
    unsigned row = static_cast<unsigned>(index);
    unsigned frame = y_height.divide(row);
    const std::int64_t plane = y_frames.divide(frame);
    const std::int64_t h = row - rows, f = frame - front;
    if (h < 0 || h >= height) return nullptr;
    if (f >= 0) return x + ((plane * frames + f) * height + h) * width;
    if (f < -cached) return nullptr;
    return cache + ((plane * cached + f + cached) * height + h) * width;
  }
  /// Of the array that a source() lies in.
  __device__ __forceinline__ const Bits* end_of(const Bits* source) const {
    return source >= x && source < x_end ? x_end : cache_end;
  }
};

/// kEach elements from `from` on, of any alignment. Those of 16 bits come as aligned words, of
/// which the last may hold one element more: `end` is where the array ends.
template <class Bits, int kEach>
__device__ __forceinline__ void load_row(const Bits* from, const Bits* end, Bits (&to)[kEach]) {
  const auto at = reinterpret_cast<std::uintptr_t>(from);
  if (sizeof(Bits) == 2 && (at % 4 == 0 || (end != nullptr && from + kEach < end))) {
    const auto* const words = reinterpret_cast<const std::uint32_t*>(at - at % 4);
    std::uint32_t read[kEach / 2 + 1] = {};
#pragma unroll
    for (int i = 0; i < kEach / 2; ++i) read[i] = words[i];
    if (at % 4 != 0) {
      read[kEach / 2] = words[kEach / 2];
#pragma unroll
      for (int i = 0; i < kEach / 2; ++i) read[i] = __funnelshift_r(read[i], read[i + 1], 16);
    }
    memcpy(to, read, sizeof to);
    return;
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i) to[i] = from[i];
}

/// One thread writes 16 aligned bytes of y, whose rows they may cross.
template <class Bits>
__global__ void __launch_bounds__(kThreads) pad_kernel(const __grid_constant__ PadTask<Bits> p) {
  constexpr int kEach = 16 / sizeof(Bits);
  const std::int64_t first = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * kEach;
  if (first >= p.total) return;
  // The quotient in f64 is off by one at most.
  auto row = static_cast<std::int64_t>(static_cast<double>(first) * p.inverse_y_width);
  std::int64_t column = first - row * p.y_width;
  if (column < 0) --row, column += p.y_width;
  if (column >= p.y_width) ++row, column -= p.y_width;
  const Bits* source = p.source(row);
  Bits values[kEach] = {};
  const std::int64_t start = column - p.columns;
  const bool in_one_row = column + kEach <= p.y_width;
  if (in_one_row && source != nullptr && start >= 0 && start + kEach <= p.width) {
    load_row(source + start, p.words ? p.end_of(source) : nullptr, values);
  } else if (in_one_row && source == nullptr) {
    // Zeros.
  } else if (p.y_width >= kEach) {
    const Bits* const next = first + kEach <= p.total && !in_one_row ? p.source(row + 1) : nullptr;
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const bool crossed = column + i >= p.y_width;
      const Bits* const from = crossed ? next : source;
      const std::int64_t at = start + i - (crossed ? p.y_width : 0);
      if (from != nullptr && at >= 0 && at < p.width) values[i] = from[at];
    }
  } else {
    // Rows of y that are shorter than what a thread writes.
#pragma unroll 1
    for (std::int64_t at = first; at < min(first + kEach, p.total); ++at) {
      const std::int64_t x_column = column - p.columns;
      const bool inside = source != nullptr && x_column >= 0 && x_column < p.width;
      p.y[at] = inside ? source[x_column] : Bits{0};
      if (++column < p.y_width || at + 1 == p.total) continue;
      column = 0;
      source = p.source(++row);
    }
    return;
  }
  if (first + kEach <= p.total) {
    uint4 packed;
    memcpy(&packed, values, sizeof packed);
    *reinterpret_cast<uint4*>(p.y + first) = packed;
    return;
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i)
    if (first + i < p.total) p.y[first + i] = values[i];
}

template <class Bits>
void launch(const CausalPad& op, cudaStream_t stream) {
  const auto& x = op.x.shape;
  const std::int64_t y_width = op.y.shape[4], total = elements_of(op.y);
  const PadTask<Bits> task{
      .x = static_cast<const Bits*>(op.x.data),
      .cache = static_cast<const Bits*>(op.cache.data),
      .x_end = static_cast<const Bits*>(op.x.data) + elements_of(op.x),
      .cache_end = op.cache.present()
                       ? static_cast<const Bits*>(op.cache.data) + elements_of(op.cache)
                       : nullptr,
      .words = (reinterpret_cast<std::uintptr_t>(op.x.data) |
                reinterpret_cast<std::uintptr_t>(op.cache.data)) %
                   4 ==
               0,
      .y = static_cast<Bits*>(op.y.data),
      .total = total,
      .width = x[4],
      .height = x[3],
      .frames = x[2],
      .cached = op.cache.present() ? op.cache.shape[2] : 0,
      .front = op.front,
      .rows = op.rows,
      .columns = op.columns,
      .y_width = y_width,
      .inverse_y_width = 1.0 / static_cast<double>(y_width),
      .y_height = Divisor(op.y.shape[3]),
      .y_frames = Divisor(op.y.shape[2])};
  constexpr int kEach = 16 / sizeof(Bits);
  pad_kernel<Bits><<<ops::cuda::blocks_for(total, kThreads * kEach), kThreads, 0, stream>>>(task);
  sinter::cuda::check_launch("causal pad");
}

}  // namespace

void causal_pad(const CausalPad& op, cudaStream_t stream) {
  op.x.type == ElementType::f32 ? launch<std::uint32_t>(op, stream)
                                : launch<std::uint16_t>(op, stream);
}

}  // namespace sinter::fused::cuda
