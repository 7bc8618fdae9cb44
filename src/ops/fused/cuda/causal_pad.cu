#include "cuda/status.h"
#include "ops/fused/cuda/causal_pad.h"
#include "ops/fused/cuda/rows.cuh"

namespace sinter::fused::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kTurns = 4;  // vectors of a thread, so that its block's frame is found once for them

/// Elements of 16 bytes, what a thread writes at once.
template <class Bits>
constexpr int kEach = 16 / static_cast<int>(sizeof(Bits));

/// Frames of one array: [planes, count, height, width].
template <class Bits>
struct Frames {
  const Bits* data = nullptr;
  const Bits* end = nullptr;
  std::int64_t count = 0;
};

/// All extents in elements of `Bits`, an unsigned integer as wide as one.
template <class Bits>
struct PadTask {
  Frames<Bits> x, cache;
  Bits* y;
  std::int64_t total, frame;  // elements of y and of one of its frames
  std::int64_t front, y_frames;
  int height, width, rows, columns, y_height, y_width;  // a frame has fewer than 2^30 elements
  Divisor blocks_each, frames_each, width_each;
  bool short_rows;  // of y, so that 16 bytes may reach into a third

  __device__ __forceinline__ bool has_row(int h) const { return h >= 0 && h < height; }

  __device__ __forceinline__ std::int64_t source_frame() const {
    return std::int64_t{height} * width;
  }

  /// The array that frame `f` of a plane of y is a copy of, and where; null data where it is zeros.
  __device__ __forceinline__ Frames<Bits> source(std::int64_t plane, std::int64_t f) const {
    const std::int64_t from_x = f - front, from_cache = from_x + cache.count;
    if (from_x >= 0) return {x.data + (plane * x.count + from_x) * source_frame(), x.end};
    if (from_cache >= 0)
      return {cache.data + (plane * cache.count + from_cache) * source_frame(), cache.end};
    return {};
  }
  /// Any element of y.
  __device__ Bits at(std::int64_t index) const {
    const std::int64_t row = index / y_width, f = row / y_height;
    const Bits* const from = source(f / y_frames, f % y_frames).data;
    const int h = static_cast<int>(row % y_height) - rows,
              column = static_cast<int>(index % y_width) - columns;
    return from != nullptr && has_row(h) && column >= 0 && column < width ? from[h * width + column]
                                                                          : Bits{0};
  }
};

/// 16 bytes from `from` on, of any alignment: the aligned 16 on either side, shifted.
template <class Bits>
__device__ __forceinline__ uint4 load_shifted(const Bits* from) {
  const auto address = reinterpret_cast<std::uintptr_t>(from);
  const auto* const aligned = reinterpret_cast<const uint4*>(address & ~std::uintptr_t{15});
  const auto offset = static_cast<unsigned>(address & 15);
  const uint4 low = aligned[0], high = offset == 0 ? low : aligned[1];
  unsigned word[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
  for (int i = 0; i < 6; ++i) word[i] = (offset & 8) != 0 ? word[i + 2] : word[i];
#pragma unroll
  for (int i = 0; i < 5; ++i) word[i] = (offset & 4) != 0 ? word[i + 1] : word[i];
  if constexpr (sizeof(Bits) == 2) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      word[i] = (offset & 2) != 0 ? __funnelshift_r(word[i], word[i + 1], 16) : word[i];
  }
  return make_uint4(word[0], word[1], word[2], word[3]);
}

/// Sixteen aligned bytes of y are of the frame in which they begin: so no thread divides by more
/// than a row, and all of a block copy from one frame.
template <class Bits>
__global__ void __launch_bounds__(kThreads) pad_kernel(const __grid_constant__ PadTask<Bits> p) {
  constexpr int kOne = kEach<Bits>;
  unsigned block = blockIdx.x;
  const unsigned index = p.blocks_each.divide(block);
  unsigned f = index;
  const unsigned plane = p.frames_each.divide(f);
  const Frames<Bits> source = p.source(plane, f);
  const std::int64_t frame_begin = index * p.frame, frame_end = frame_begin + p.frame;
  const std::int64_t begin =
      (frame_begin + kOne - 1) / kOne * kOne + std::int64_t{block} * (kThreads * kTurns * kOne);
#pragma unroll
  for (int turn = 0; turn < kTurns; ++turn) {
    const std::int64_t first = begin + (turn * kThreads + static_cast<int>(threadIdx.x)) * kOne;
    if (first >= frame_end) return;
    auto column = static_cast<unsigned>(first - frame_begin);
    const auto row = static_cast<int>(p.width_each.divide(column));
    const int h = row - p.rows, start = static_cast<int>(column) - p.columns;
    const bool one_row = static_cast<int>(column) + kOne <= p.y_width;
    const Bits* const from = source.data + h * p.width + start;
    uint4 values{};
    if (first + kOne > frame_end || (!one_row && p.short_rows)) {
      for (int i = 0; i < kOne && first + i < p.total; ++i) p.y[first + i] = p.at(first + i);
      continue;
    }
    if (source.data == nullptr || (one_row && !p.has_row(h))) {
      // Zeros.
    } else if (one_row && start >= 0 && start + kOne <= p.width && from - source.data >= kOne &&
               source.end - from >= 2 * kOne) {
      values = load_shifted(from);
    } else {
      Bits each[kOne];
#pragma unroll
      for (int i = 0; i < kOne; ++i) {
        const bool crossed = static_cast<int>(column) + i >= p.y_width;
        const int at = start + i - (crossed ? p.y_width : 0), line = h + (crossed ? 1 : 0);
        each[i] =
            p.has_row(line) && at >= 0 && at < p.width ? source.data[line * p.width + at] : Bits{0};
      }
      memcpy(&values, each, sizeof values);
    }
    *reinterpret_cast<uint4*>(p.y + first) = values;
  }
}

template <class Bits>
Frames<Bits> frames_of(const Array& a) {
  if (!a.present()) return {};
  const auto* const data = static_cast<const Bits*>(a.data);
  return {data, data + elements_of(a), a.shape[2]};
}

template <class Bits>
void launch(const CausalPad& op, cudaStream_t stream) {
  const auto &x = op.x.shape, &y = op.y.shape;
  const std::int64_t frame = y[3] * y[4], frames = y[0] * y[1] * y[2];
  constexpr int kOfBlock = kThreads * kTurns * kEach<Bits>;
  const std::int64_t blocks_each = (frame + kOfBlock - 1) / kOfBlock;
  const PadTask<Bits> task{.x = frames_of<Bits>(op.x),
                           .cache = frames_of<Bits>(op.cache),
                           .y = static_cast<Bits*>(op.y.data),
                           .total = elements_of(op.y),
                           .frame = frame,
                           .front = op.front,
                           .y_frames = y[2],
                           .height = static_cast<int>(x[3]),
                           .width = static_cast<int>(x[4]),
                           .rows = static_cast<int>(op.rows),
                           .columns = static_cast<int>(op.columns),
                           .y_height = static_cast<int>(y[3]),
                           .y_width = static_cast<int>(y[4]),
                           .blocks_each = Divisor(blocks_each),
                           .frames_each = Divisor(y[2]),
                           .width_each = Divisor(y[4]),
                           .short_rows = y[4] < kEach<Bits>};
  pad_kernel<Bits><<<static_cast<unsigned>(frames * blocks_each), kThreads, 0, stream>>>(task);
  sinter::cuda::check_launch("causal pad");
}

}  // namespace

void causal_pad(const CausalPad& op, cudaStream_t stream) {
  op.x.type == ElementType::f32 ? launch<std::uint32_t>(op, stream)
                                : launch<std::uint16_t>(op, stream);
}

}  // namespace sinter::fused::cuda
