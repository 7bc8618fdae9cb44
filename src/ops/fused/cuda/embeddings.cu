#include <algorithm>
#include <cmath>

#include "cuda/status.h"
#include "ops/fused/cuda/embeddings.h"
#include "ops/fused/cuda/rows.cuh"

namespace sinter::fused::cuda {

namespace {

constexpr int kAcross = 32, kDown = 8;  // pairs of a row, rows of a block

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

struct TimestepTask {
  std::int64_t t_stride;
  int rows, half;
  float log_period, inverse, scale;
  bool cosine_first;
};

/// With the operations of diffusers' get_timestep_embedding on a device, where PyTorch divides by a
/// number by multiplying with its inverse. A thread keeps its frequency for all of its rows.
template <class In, class Out>
__global__ void __launch_bounds__(kAcross* kDown)
    timestep_kernel(const In* t, Out* y, const TimestepTask task) {
  const int i = static_cast<int>(blockIdx.y * kAcross + threadIdx.x);
  if (i >= task.half) return;
  const float exponent = __fmul_rn(__fmul_rn(task.log_period, static_cast<float>(i)), task.inverse);
  const float frequency = expf(exponent);
  const int cosines = task.cosine_first ? 0 : task.half, sines = task.half - cosines;
  const int step = static_cast<int>(gridDim.x) * kDown;
  for (int row = static_cast<int>(blockIdx.x * kDown + threadIdx.y); row < task.rows; row += step) {
    const float time = ops::cuda::to_float(t[row * task.t_stride]);
    float sine, cosine;
    sincosf(__fmul_rn(task.scale, __fmul_rn(time, frequency)), &sine, &cosine);
    Out* const to = y + static_cast<std::int64_t>(row) * 2 * task.half + i;
    to[cosines] = ops::cuda::from_float<Out>(cosine);
    to[sines] = ops::cuda::from_float<Out>(sine);
  }
}

/// Blocks of kAcross columns and kDown rows, each of which takes several rows where there are many.
dim3 grid_of(std::int64_t rows, int half) {
  constexpr std::int64_t kMostDown = 512;
  return {static_cast<unsigned>(std::min((rows + kDown - 1) / kDown, kMostDown)),
          static_cast<unsigned>(ops::cuda::blocks_for(half, kAcross))};
}

}  // namespace

void rotary_table(const RotaryTable& op, cudaStream_t stream) {
  const std::int64_t rows = op.table.shape[0];
  const int half = static_cast<int>(op.table.shape[1] / 2);
  const RotaryGrid task{{op.grid[0], op.grid[1], op.grid[2]},
                        {op.dims[0], op.dims[1], op.dims[2]},
                        op.theta,
                        op.first};
  rotary_kernel<<<grid_of(rows, half), dim3(kAcross, kDown), 0, stream>>>(
      static_cast<float*>(op.table.data), task, rows, half);
  sinter::cuda::check_launch("rotary table");
}

void timestep_embedding(const TimestepEmbedding& op, cudaStream_t stream) {
  const int half = static_cast<int>(op.y.shape[1] / 2);
  const TimestepTask task{
      .t_stride = op.t.shape[0] == 1 ? 0 : op.t.strides[0],
      .rows = static_cast<int>(op.y.shape[0]),
      .half = half,
      .log_period = static_cast<float>(-std::log(static_cast<double>(op.max_period))),
      .inverse = 1.0F / (static_cast<float>(half) - op.shift),
      .scale = op.scale,
      .cosine_first = op.cosine_first};
  ops::cuda::with_element(dtype_of(op.t.type), "timestep embedding", [&](auto in) {
    ops::cuda::with_element(dtype_of(op.y.type), "timestep embedding", [&](auto out) {
      timestep_kernel<<<grid_of(task.rows, half), dim3(kAcross, kDown), 0, stream>>>(
          static_cast<const decltype(in)*>(op.t.data),
          static_cast<decltype(out)*>(op.y.data),
          task);
      sinter::cuda::check_launch("timestep embedding");
    });
  });
}

}  // namespace sinter::fused::cuda
