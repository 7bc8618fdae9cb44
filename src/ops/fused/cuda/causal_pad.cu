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
};

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
  Bits values[kEach];
  const std::int64_t start = column - p.columns;
  if (source != nullptr && start >= 0 && start + kEach <= p.width) {
#pragma unroll
    for (int i = 0; i < kEach; ++i) values[i] = source[start + i];
  } else {
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const std::int64_t at = column - p.columns;
      const bool inside = source != nullptr && at >= 0 && at < p.width && first + i < p.total;
      values[i] = inside ? source[at] : Bits{0};
      if (++column == p.y_width) {
        column = 0;
        if (first + i + 1 < p.total) source = p.source(++row);
      }
    }
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
  const PadTask<Bits> task{.x = static_cast<const Bits*>(op.x.data),
                           .cache = static_cast<const Bits*>(op.cache.data),
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
