#include <algorithm>
#include <cmath>

#include "cuda/status.h"
#include "ops/fused/cuda/embeddings.h"
#include "ops/fused/cuda/rows.cuh"

namespace sinter::fused::cuda {

namespace {

constexpr int kAcross = 32, kDown = 8;  // pairs of a row, rows of a block
constexpr int kThreads = 256;

struct RotaryGrid {
  std::int64_t extents[3];
  int dims[3];
  double theta;
  std::int64_t first;
};

/// A thread keeps its pair, and with it the frequency, for all of its rows.
__global__ void __launch_bounds__(kAcross* kDown)
    rotary_kernel(float* table, const RotaryGrid g, std::int64_t rows, int half) {
  const int pair = static_cast<int>(blockIdx.y * kAcross + threadIdx.x);
  if (pair >= half) return;
  int axis = 0, i = pair;
  while (i >= g.dims[axis] / 2) i -= g.dims[axis++] / 2;
  const double frequency = 1.0 / pow(g.theta, 2.0 * i / g.dims[axis]);
  std::int64_t inner = 1;
  for (int a = axis + 1; a < 3; ++a) inner *= g.extents[a];
  for (std::int64_t row = blockIdx.x * kDown + threadIdx.y; row < rows; row += gridDim.x * kDown) {
    const std::int64_t position = (g.first + row) / inner % g.extents[axis];
    double sine, cosine;
    sincos(static_cast<double>(position) * frequency, &sine, &cosine);
    table[row * 2 * half + pair] = static_cast<float>(cosine);
    table[row * 2 * half + half + pair] = static_cast<float>(sine);
  }
}

/// With the operations of diffusers' get_timestep_embedding on a device, where PyTorch divides by a
/// number by multiplying with its inverse.
template <class In, class Out>
__global__ void __launch_bounds__(kThreads) timestep_kernel(const In* t,
                                                            std::int64_t t_stride,
                                                            Out* y,
                                                            std::int64_t count,
                                                            int half,
                                                            float log_period,
                                                            float inverse,
                                                            float scale,
                                                            bool cosine_first) {
  const std::int64_t index = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index >= count) return;
  const std::int64_t row = index / half;
  const auto i = static_cast<int>(index - row * half);
  const float exponent = __fmul_rn(__fmul_rn(log_period, static_cast<float>(i)), inverse);
  const float angle =
      __fmul_rn(scale, __fmul_rn(ops::cuda::to_float(t[row * t_stride]), expf(exponent)));
  Out* const to = y + row * 2 * half + i;
  to[cosine_first ? 0 : half] = ops::cuda::from_float<Out>(cosf(angle));
  to[cosine_first ? half : 0] = ops::cuda::from_float<Out>(sinf(angle));
}

}  // namespace

void rotary_table(const RotaryTable& op, cudaStream_t stream) {
  constexpr std::int64_t kMostBlocks = 1024;
  const std::int64_t rows = op.table.shape[0];
  const int half = static_cast<int>(op.table.shape[1] / 2);
  const dim3 grid(static_cast<unsigned>(std::min((rows + kDown - 1) / kDown, kMostBlocks)),
                  static_cast<unsigned>(ops::cuda::blocks_for(half, kAcross)));
  const RotaryGrid task{{op.grid[0], op.grid[1], op.grid[2]},
                        {op.dims[0], op.dims[1], op.dims[2]},
                        op.theta,
                        op.first};
  rotary_kernel<<<grid, dim3(kAcross, kDown), 0, stream>>>(
      static_cast<float*>(op.table.data), task, rows, half);
  sinter::cuda::check_launch("rotary table");
}

void timestep_embedding(const TimestepEmbedding& op, cudaStream_t stream) {
  const int half = static_cast<int>(op.y.shape[1] / 2);
  const std::int64_t count = op.y.shape[0] * half;
  const auto log_period = static_cast<float>(-std::log(static_cast<double>(op.max_period)));
  const float inverse = 1.0F / (static_cast<float>(half) - op.shift);
  const std::int64_t t_stride = op.t.shape[0] == 1 ? 0 : op.t.strides[0];
  ops::cuda::with_element(dtype_of(op.t.type), "timestep embedding", [&](auto in) {
    ops::cuda::with_element(dtype_of(op.y.type), "timestep embedding", [&](auto out) {
      timestep_kernel<<<ops::cuda::blocks_for(count, kThreads), kThreads, 0, stream>>>(
          static_cast<const decltype(in)*>(op.t.data),
          t_stride,
          static_cast<decltype(out)*>(op.y.data),
          count,
          half,
          log_period,
          inverse,
          op.scale,
          op.cosine_first);
      sinter::cuda::check_launch("timestep embedding");
    });
  });
}

}  // namespace sinter::fused::cuda
